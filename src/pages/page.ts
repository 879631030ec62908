import { createHash } from 'node:crypto'

/** One style for every page: no script, no external resource, readable on a phone and in the dark. */
const style = `:root{color-scheme:light dark}
body{margin:0;font:1.0625rem/1.5 system-ui,sans-serif;color:#1b1d22;background:#f4f5f7}
main{max-width:36rem;margin:10vh auto 2rem;padding:1.5rem 2rem;background:#fff;border:1px solid #c9cdd4;border-radius:.5rem}
h1{margin:0 0 1rem;font-size:1.5rem;line-height:1.3}
h2{margin:1.5rem 0 .5rem;font-size:1.0625rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:1.5rem 0 0;font-size:.9375rem}
dt{color:#51565f}
dd{margin:0;overflow-wrap:anywhere}
code{font-family:ui-monospace,monospace}
a{color:#1c58d9}
@media(max-width:40rem){main{margin:0;min-height:100vh;box-sizing:border-box;border:0;border-radius:0}}
@media(prefers-color-scheme:dark){body{color:#e6e8eb;background:#15171b}main{background:#1e2126;border-color:#3b4048}dt{color:#a9afb9}a{color:#8ab4ff}}`

const styleHash = createHash('sha256').update(style).digest('base64')

/** The headers of every page of ours: nothing may be loaded, framed, stored or learnt from it. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
}

/** `main` is HTML made of escaped values. */
export function page(content: { readonly title: string; readonly main: string }): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(content.title)}</title>
<style>${style}</style>
</head>
<body>
<main>
${content.main}
</main>
</body>
</html>
`
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/**
 * Text for HTML. Controls and characters that turn the direction of writing become U+FFFD: a name in
 * a certificate is chosen by whoever asked for it.
 */
export function escapeHtml(text: string): string {
  return text
    .replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd')
    .replace(/[&<>"']/g, (character) => entities[character] ?? '')
}
