/** How the gateway's cookies are written: `__Host-` and Secure over https, plain in development. */
export interface CookieStyle {
  readonly secure: boolean
}

/** The name of the gateway's own cookie. */
export function ownCookieName(style: CookieStyle): string {
  return style.secure ? '__Host-mattergate' : 'mattergate'
}

/**
 * The Set-Cookie values that a browser lacks: `MMUSERID`, which Mattermost's web app must be able to
 * read (without it the app shows its login page), and the gateway's own.
 *
 * @param cookieLines the request's Cookie headers as they came
 */
export function browserCookies(
  cookieLines: readonly string[],
  userId: string,
  sessionId: string,
  style: CookieStyle,
): string[] {
  const present = readCookies(cookieLines)
  const secure = style.secure ? '; Secure' : ''
  const own = ownCookieName(style)
  const missing: string[] = []
  if (!holdsOnly(present, 'MMUSERID', userId)) {
    missing.push(`MMUSERID=${userId}; Path=/; SameSite=Lax${secure}`)
  }
  if (!holdsOnly(present, own, sessionId)) {
    missing.push(`${own}=${sessionId}; Path=/; HttpOnly; SameSite=Lax${secure}`)
  }
  return missing
}

/** Clears `MMUSERID`, so that the web app no longer believes in a user. */
export function clearedUserCookie(style: CookieStyle): string {
  return `MMUSERID=; Path=/; Max-Age=0; SameSite=Lax${style.secure ? '; Secure' : ''}`
}

/** A second cookie of the name, set for another path or domain, counts as not right. */
function holdsOnly(present: ReadonlyMap<string, readonly string[]>, name: string, value: string): boolean {
  const values = present.get(name)
  return values?.length === 1 && values[0] === value
}

function readCookies(lines: readonly string[]): Map<string, string[]> {
  const cookies = new Map<string, string[]>()
  for (const pair of lines.flatMap((line) => line.split(';'))) {
    const at = pair.indexOf('=')
    if (at === -1) continue
    const name = pair.slice(0, at).trim()
    const values = cookies.get(name) ?? []
    values.push(pair.slice(at + 1).trim())
    cookies.set(name, values)
  }
  return cookies
}
