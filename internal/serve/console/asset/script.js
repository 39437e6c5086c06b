// The console works without this file. It adds: parts of a page that are replaced
// as they change, keys, copy buttons, and light or dark without a page load.
"use strict";
(function () {
  const root = document.documentElement
  root.classList.add("js")

  // --- live fragments: an event's data is HTML whose root element has the id of
  // what it replaces. Nothing under the pointer or with the focus is replaced.
  const address = document.body.dataset.live
  let events = null

  function busy(element) {
    return element.contains(document.activeElement) && document.activeElement !== document.body ||
      element.matches(":hover") && element.querySelector("a, button, summary, input") ||
      String(getSelection()) && element.contains(getSelection().anchorNode)
  }

  function replace(html) {
    const next = new DOMParser().parseFromString(html, "text/html").body.firstElementChild
    const old = next && document.getElementById(next.id)
    if (!old || busy(old)) return
    // What the visitor has opened or scrolled stays so.
    old.querySelectorAll("details[open]").forEach((d, i) => {
      const same = d.id ? next.querySelector("#" + CSS.escape(d.id)) : next.querySelectorAll("details")[i]
      if (same) same.open = true
    })
    const left = Array.from(old.querySelectorAll(".scroll"), s => s.scrollLeft)
    // A verdict is only read aloud when it is another one.
    if (old.dataset.verdict !== undefined && old.dataset.verdict === next.dataset.verdict) {
      old.setAttribute("aria-live", "off")
      old.innerHTML = next.innerHTML
      enrich(old)
      return
    }
    old.replaceWith(next)
    next.querySelectorAll(".scroll").forEach((s, i) => { s.scrollLeft = left[i] || 0 })
    enrich(next)
  }

  function listen() {
    if (!address || events || document.hidden) return
    events = new EventSource(address)
    events.addEventListener("fragment", e => replace(e.data))
    events.addEventListener("at", () => stale(false))
    events.addEventListener("error", () => stale(true))
    events.addEventListener("trouble", () => stale(true))
  }

  // A hidden page lets go: browsers allow few connections to one host.
  function rest() {
    if (events) events.close()
    events = null
  }

  let answered = new Date()
  function stale(yes) {
    if (!yes) answered = new Date()
    root.classList.toggle("stale", yes)
    const note = document.getElementById("stale")
    if (note) {
      note.hidden = !yes
      const time = note.querySelector("time")
      if (yes && time) time.textContent = clockText()
    }
  }

  // The last time the page was told, as the page itself writes it.
  function clockText() {
    const clock = document.querySelector("#clock time")
    return clock ? clock.textContent : answered.toLocaleTimeString()
  }

  document.addEventListener("visibilitychange", () => document.hidden ? rest() : listen())
  addEventListener("pagehide", rest)
  addEventListener("pageshow", listen)

  // --- light or dark at once; the form behind it still keeps the choice.
  document.addEventListener("submit", e => {
    const button = e.submitter
    if (!button || button.name !== "theme") return
    e.preventDefault()
    const body = new URLSearchParams(new FormData(e.target))
    body.set("theme", button.value)
    fetch(e.target.action, {method: "POST", body, redirect: "manual"}).then(() => {
      root.dataset.theme = button.value
      const other = button.value === "dark" ? "light" : "dark"
      const both = e.target.querySelectorAll("button")
      if (both.length > 1) { button.remove(); e.target.querySelector(".dim")?.remove() }
      else { button.value = other; button.textContent = root.dataset[other] || other }
    }, () => e.target.submit())
  })

  // --- copy buttons beside snippets.
  function enrich(within) {
    within.querySelectorAll("fieldset.tabs, pre.pick").forEach(e => {
      if (e.tagName === "PRE" && e.closest(".tabs") || e.nextElementSibling?.classList.contains("copy")) return
      // Of several tabs the one that is open.
      const text = () => (e.querySelector(":checked + label + pre") || e).textContent
      const b = document.createElement("button")
      b.type = "button"
      b.className = "copy"
      b.textContent = document.body.dataset.copy
      b.addEventListener("click", () => navigator.clipboard.writeText(text()).then(() => { b.textContent = document.body.dataset.copied }))
      e.addEventListener("change", () => { b.textContent = document.body.dataset.copy })
      e.after(b)
    })
  }

  // --- keys: g and a letter goes to a page. They are off in fields, and with
  // localStorage.keys = "off".
  const places = {h: "/", s: "/streams", t: "/tables", q: "/sql", u: "/quarantine", l: "/ledger", i: "/limits"}
  let going = 0
  function typing(e) {
    return e.target.closest("input, textarea, select, [contenteditable]") || e.ctrlKey || e.metaKey || e.altKey
  }
  function off() {
    try { return localStorage.getItem("keys") === "off" } catch { return false }
  }
  const rows = () => Array.from(document.querySelectorAll("main tbody tr th a, main tbody tr td a:first-child, main .list a"))
  function step(by) {
    const all = rows()
    if (!all.length) return
    const at = all.indexOf(document.activeElement)
    all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + by))].focus()
  }
  document.addEventListener("keydown", e => {
    if (typing(e) || off()) return
    if (going && Date.now() - going < 1500 && places[e.key]) {
      going = 0
      location.href = places[e.key]
      return
    }
    going = 0
    switch (e.key) {
      case "g": going = Date.now(); break
      case "j": step(1); break
      case "k": step(-1); break
      case "/": {
        const box = document.querySelector("[data-key='/']")
        if (box) { e.preventDefault(); box.focus() }
        break
      }
      case ".": document.querySelector("[data-key='.']")?.click(); break
      case "d": document.querySelector(".theme button")?.click(); break
      case "?": {
        const keys = document.getElementById("keys")
        if (keys) { keys.open = !keys.open; keys.scrollIntoView({block: "nearest"}); keys.querySelector("summary").focus() }
        break
      }
    }
  })

  enrich(document)
  listen()
})()
