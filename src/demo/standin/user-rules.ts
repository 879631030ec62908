import { type Answer, appError } from './answer.js'
import type { World } from './world.js'

const reservedUsernames = ['all', 'channel', 'matterbot', 'system']

/** An address as Mattermost takes it: no dot is needed after the `@`, no quoted local part, 128 characters. */
export function isEmail(text: string): boolean {
  return text.length <= 128 && /^[^\s@"<>(),;:\\]+@[^\s@"<>(),;:\\]+$/.test(text)
}

export function isUsername(text: string): boolean {
  const folded = text.toLowerCase()
  return /^[a-z0-9._-]{1,64}$/.test(folded) && !reservedUsernames.includes(folded)
}

/** What the server finds wrong with a new password; null: nothing. */
export function passwordProblem(password: string, world: World): Answer | null {
  if (password.length >= world.traits.minPasswordLength) return null
  const rule = world.traits.generation === '11' ? 'pwd_min_length' : 'pwd_lowercase_uppercase_number_symbol'
  return appError(400, `model.user.is_valid.${rule}.app_error`)
}
