// Completion in the SQL editor, and Ctrl Enter. Without this file the editor is a
// plain text area in a form.
"use strict";
(function () {
  const box = document.getElementById("q")
  if (!box) return
  const keywords = ("select from where group by all having order limit offset join left right full outer inner cross on using as and or not in is null like ilike between case when then else end distinct union except intersect with asc desc interval filter over partition exists true false cast values describe explain current_date").split(" ")
  let words = null
  let list = null
  let found = []
  let chosen = -1
  let from = 0

  // What can be named is asked for once, when the editor is used.
  function learn() {
    if (words) return
    words = {tables: [], functions: []}
    fetch(box.dataset.words).then(r => r.ok ? r.json() : words).then(w => { words = w; if (document.activeElement === box) offer(false) }, () => { words = null })
  }

  // The word before the cursor, and the name before its dot.
  function before() {
    const text = box.value.slice(0, box.selectionStart)
    const m = /(?:([A-Za-z_]\w*)\.)?([A-Za-z_]\w*)?$/.exec(text)
    const word = m[2] || ""
    return {word, owner: m[1] || "", start: box.selectionStart - word.length, text: text.slice(0, text.length - m[0].length)}
  }

  // The tables that the statement names, by name and by alias.
  function named() {
    const all = new Map()
    for (const m of box.value.matchAll(/\b(?:from|join|,)\s+([A-Za-z_]\w*)(?:\s+(?:as\s+)?([A-Za-z_]\w*))?/gi)) {
      const table = words.tables.find(t => t.name === m[1].toLowerCase())
      if (!table) continue
      all.set(table.name, table)
      if (m[2] && !keywords.includes(m[2].toLowerCase())) all.set(m[2].toLowerCase(), table)
    }
    return all
  }

  function candidates(at) {
    const tables = named()
    const columns = t => t.columns.map(c => ({name: c.Name, kind: c.Type.toLowerCase()}))
    if (at.owner) {
      const table = tables.get(at.owner.toLowerCase())
      return table ? columns(table) : []
    }
    const asTable = words.tables.map(t => ({name: t.name, kind: "table"}))
    if (/\b(from|join)\s+$/i.test(at.text)) return asTable
    const seen = new Set()
    const own = [...new Set(tables.values())].flatMap(columns).filter(c => !seen.has(c.name) && seen.add(c.name))
    return [...own, ...asTable, ...keywords.map(name => ({name, kind: ""})), ...words.functions.map(name => ({name, kind: "function"}))]
  }

  function close() {
    if (list) list.remove()
    list = null
    chosen = -1
    box.removeAttribute("aria-activedescendant")
    box.setAttribute("aria-expanded", "false")
  }

  function offer(asked) {
    if (!words) return
    const at = before()
    const part = at.word.toLowerCase()
    if (!asked && (part.length < 2 && !(at.owner && part))) return close()
    found = candidates(at).filter(c => c.name.toLowerCase().startsWith(part) && c.name.toLowerCase() !== part).slice(0, 8)
    if (!found.length || box.selectionStart !== box.selectionEnd) return close()
    from = at.start
    show(asked ? 0 : -1)
  }

  function show(select) {
    if (!list) {
      list = document.createElement("ul")
      list.className = "complete"
      list.id = "complete"
      list.setAttribute("role", "listbox")
      list.setAttribute("aria-label", box.dataset.label)
      box.parentElement.append(list)
      list.addEventListener("mousedown", e => {
        const item = e.target.closest("li")
        if (!item) return
        e.preventDefault()
        take(Array.from(list.children).indexOf(item))
      })
    }
    list.replaceChildren(...found.map((c, i) => {
      const item = document.createElement("li")
      item.id = "complete" + i
      item.setAttribute("role", "option")
      item.append(c.name)
      const kind = document.createElement("small")
      kind.textContent = c.kind
      item.append(kind)
      return item
    }))
    const at = place(from)
    list.style.left = Math.max(0, Math.min(at.left, box.clientWidth - list.offsetWidth)) + "px"
    list.style.top = at.top + "px"
    box.setAttribute("aria-expanded", "true")
    choose(select)
  }

  // Where a character stands in the editor: a copy of the text is laid out alike.
  function place(index) {
    const copy = document.createElement("div")
    const own = getComputedStyle(box)
    for (const name of ["font", "padding", "border", "lineHeight", "tabSize"]) copy.style[name] = own[name]
    Object.assign(copy.style, {position: "absolute", visibility: "hidden", whiteSpace: "pre-wrap", overflowWrap: "break-word", width: box.clientWidth + "px", boxSizing: "border-box"})
    copy.textContent = box.value.slice(0, index)
    const mark = document.createElement("span")
    mark.textContent = "x"
    copy.append(mark)
    box.parentElement.append(copy)
    const at = {left: mark.offsetLeft, top: mark.offsetTop + mark.offsetHeight + 4 - box.scrollTop}
    copy.remove()
    return at
  }

  function choose(i) {
    chosen = i
    Array.from(list.children).forEach((item, at) => item.setAttribute("aria-selected", String(at === i)))
    if (i >= 0) box.setAttribute("aria-activedescendant", "complete" + i)
    else box.removeAttribute("aria-activedescendant")
  }

  // What is taken is typed as a person would type it, so that undo works.
  function take(i) {
    const c = found[i]
    const text = c.name + (c.kind === "function" ? "(" : "")
    box.focus()
    box.setSelectionRange(from, box.selectionEnd)
    if (!document.execCommand("insertText", false, text)) box.setRangeText(text, from, box.selectionEnd, "end")
    close()
  }

  box.setAttribute("role", "combobox")
  box.setAttribute("aria-autocomplete", "list")
  box.setAttribute("aria-controls", "complete")
  box.setAttribute("aria-expanded", "false")
  box.addEventListener("focus", learn)
  box.addEventListener("input", e => { if (e.inputType !== "deleteContentBackward") offer(false); else close() })
  box.addEventListener("blur", close)
  box.addEventListener("click", close)
  box.addEventListener("scroll", close)
  box.addEventListener("keydown", e => {
    if (e.isComposing) return
    if ((e.ctrlKey || e.metaKey) && e.key === "Enter") {
      e.preventDefault()
      box.form.requestSubmit()
    } else if (e.ctrlKey && e.key === " ") {
      e.preventDefault()
      offer(true)
    } else if (!list) {
      return
    } else if (e.key === "Escape") {
      e.preventDefault()
      close()
    } else if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault()
      choose((chosen + (e.key === "ArrowDown" ? 1 : -1) + found.length) % found.length)
    } else if (e.key === "Tab" && !e.shiftKey || e.key === "Enter" && chosen >= 0) {
      e.preventDefault()
      take(Math.max(chosen, 0))
    } else if (e.key === "ArrowLeft" || e.key === "ArrowRight") {
      close()
    }
  })

  // After a mistake the cursor stands at its place.
  if (box.dataset.line) {
    const lines = box.value.split("\n")
    const line = Number(box.dataset.line)
    const start = lines.slice(0, line - 1).reduce((n, l) => n + l.length + 1, 0)
    const at = start + Array.from(lines[line - 1] || "").slice(0, Number(box.dataset.column) - 1).join("").length
    const word = /^\w*/.exec(box.value.slice(at))[0].length
    box.focus()
    box.setSelectionRange(at, at + word)
  }
})()
