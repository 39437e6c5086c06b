// Biwa in a page: <script src="https://HOST/biwa.js" data-key="KEY" defer></script>
//
// Each event is one item of localStorage until the server has answered for it. What
// a closed tab or a lost network leaves there is sent by the next page of the site,
// with the same event_id, by which the stream knows a copy. Served without comments
// and indentation; see script.go.
(() => {
  const script = document.currentScript, key = script.dataset.key
  const url = new URL('v1/t/' + key, script.src).href
  const before = window.biwa || []
  if (before.track) return
  const biwa = window.biwa = { track() {}, identify() {} }

  // Where a page may not store, its events live as long as it does.
  const prefix = 'biwa.' + key + '.', visitor = 'biwa.visitor', user = 'biwa.user'
  let store = {}
  try {
    localStorage[prefix] = 0
    delete (store = localStorage)[prefix]
  } catch {}
  const items = start => Object.keys(store).filter(k => k.startsWith(start)).sort()

  // Global Privacy Control: nothing is sent, and nothing is kept.
  if (navigator.globalPrivacyControl) {
    for (const k of items('biwa.')) delete store[k]
    return
  }

  const id = () => [...crypto.getRandomValues(new Uint8Array(16))].map(b => (b + 256).toString(16).slice(1)).join('')

  // An item is "<when it was first tried, or 0> <event as JSON>". One that was tried
  // may have arrived, so it is tried again only while the stream remembers its id.
  const tries = 20 * 36e5, most = 500, bytes = 6e4
  let sent = {}, busy, timer, wait = 0

  // batch takes what is not on its way, up to what a request may carry that
  // outlives its page.
  const batch = () => {
    const now = Date.now(), keys = [], lines = []
    let size = 0
    for (const k of items(prefix)) {
      const [at] = store[k].split(' ', 1), text = store[k].slice(at.length + 1)
      if (+at && now - at > tries) delete store[k]
      else if (!sent[k] && (size += 3 * text.length) < bytes) {
        if (!+at) store[k] = now + ' ' + text
        sent[k] = keys.push(k)
        lines.push(text)
      }
    }
    return [keys, lines.join('\n')]
  }

  const later = ms => {
    clearTimeout(timer)
    timer = setTimeout(flush, Math.max(ms, wait))
  }

  const flush = async () => {
    if (busy || !navigator.onLine) return
    const [keys, body] = batch()
    if (!body) return
    busy = 1
    let status = 0
    try {
      status = (await fetch(url, { method: 'POST', body, keepalive: true, credentials: 'omit', signal: AbortSignal.timeout?.(3e4) })).status
    } catch {}
    busy = 0
    // Tried again: no answer, too much at once, and what the server cannot help.
    const again = !status || status == 429 || status > 499
    wait = again ? Math.min(6e4, 2 * wait + 1e3) : 0
    for (const k of keys) delete (again ? sent : store)[k]
    later(0)
  }

  // When the page goes no answer comes back, so the items stay for the next page.
  const leave = () => {
    const [, body] = batch()
    if (body) navigator.sendBeacon(url, body)
  }

  // here is the page's address, from where the visitor came to it.
  let here, path, from

  const send = (event, props) => {
    try {
      const now = new Date, event_id = id()
      const text = JSON.stringify({
        event_id, ts: now.toISOString(), event, visitor_id: store[visitor] = store[visitor] || id(), user_id: store[user],
        url: location.href, referer: from, title: document.title, language: navigator.language, props
      })
      if (3 * text.length >= bytes || items(prefix).length >= most) throw 'too much'
      store[prefix + now.getTime() + event_id] = '0 ' + text
      later(100)
    } catch (e) {
      console.warn('biwa:', event, e)
    }
  }

  // A page is another one when its path or its query is.
  const view = () => {
    if (path == (path = location.pathname + location.search)) return
    from = here || document.referrer
    here = location.href
    let props
    try {
      props = JSON.parse(script.dataset.props)
    } catch {}
    send('page_view', props)
  }
  const look = () => setTimeout(view)

  biwa.track = (event, props) => send(event, props)
  biwa.identify = who => {
    if (who == null) delete store[user]
    else {
      store[user] = who
      send('identify')
    }
  }

  for (const name of ['pushState', 'replaceState']) {
    const change = history[name]
    history[name] = function (...args) {
      change.apply(this, args)
      look()
    }
  }
  addEventListener('popstate', look)
  addEventListener('online', () => later(0))
  addEventListener('pagehide', leave)
  addEventListener('pageshow', e => {
    // Back from the browser's cache, with all that was left to the next page.
    if (e.persisted) {
      sent = {}
      path = 0
      view()
    }
  })
  document.addEventListener('visibilitychange', () => document.hidden ? flush() : later(0))

  if (document.prerendering) document.addEventListener('prerenderingchange', view, { once: true })
  else view()
  for (const [name, ...args] of before) biwa[name](...args)
  later(0)
})()
