import type { Account } from './accounts.js'
import { type Answer, invalidUrlParam, missingAccount } from './answer.js'
import type { Actor } from './call.js'
import { isId } from './ids.js'
import type { World } from './world.js'

/** The user that a path names by id or as `me`, or the answer where there is none (rule 5). */
export function targetUser(id: string, actor: Actor, world: World): Account | Answer {
  if (id === 'me') return actor.account ?? invalidUrlParam()
  if (!isId(id)) return invalidUrlParam()
  return world.accounts.byId(id) ?? missingAccount()
}

/** The same where only the user himself or who may manage users is let through; `refusal` for the others. */
export function targetOwnUser(id: string, actor: Actor, world: World, refusal: Answer): Account | Answer {
  if (id !== 'me' && !isId(id)) return invalidUrlParam()
  if (!actor.mayManage && id !== 'me' && id !== actor.account?.id) return refusal
  return targetUser(id, actor, world)
}
