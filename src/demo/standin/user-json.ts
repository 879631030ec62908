import { type Account, isAdministrator } from './accounts.js'
import { type Answer, json } from './answer.js'
import type { Actor, Call } from './call.js'
import type { Traits } from './traits.js'
import type { World } from './world.js'

export type Viewer = 'self' | 'administrator' | 'other'

const notifyProps = {
  channel: 'true',
  comments: 'never',
  desktop: 'mention',
  desktop_sound: 'true',
  email: 'true',
  first_name: 'false',
  mention_keys: '',
  push: 'mention',
}
const propsOf = {
  '5.36': { ...notifyProps, push_status: 'away' },
  '11': {
    ...notifyProps,
    desktop_threads: 'all',
    email_threads: 'all',
    push_status: 'online',
    push_threads: 'all',
  },
}

export function viewerOf(actor: Actor, account: Account): Viewer {
  if (actor.account?.id === account.id) return 'self'
  return actor.account === null || isAdministrator(actor.account) ? 'administrator' : 'other'
}

/** A user as others see it: no secret, and fewer fields the farther the viewer stands (rule 37). */
export function userJson(account: Account, viewer: Viewer, traits: Traits, showEmail = true): object {
  const old = traits.generation === '5.36'
  const own = viewer === 'self'
  const withProps = own || (viewer === 'administrator' && !old)
  const authData = viewer === 'other' || old ? '' : account.authData
  return {
    id: account.id,
    create_at: account.createAt,
    update_at: account.updateAt,
    delete_at: account.deleteAt,
    username: account.username,
    ...(old || viewer === 'other' || authData !== '' ? { auth_data: authData } : {}),
    auth_service: account.authService,
    email: showEmail || viewer !== 'other' ? account.email : '',
    ...(account.emailVerified && own ? { email_verified: true } : {}),
    nickname: account.nickname,
    first_name: account.firstName,
    last_name: account.lastName,
    position: '',
    roles: account.roles,
    ...(withProps ? { notify_props: propsOf[traits.generation] } : {}),
    ...(own ? { last_password_update: account.createAt } : {}),
    ...(own && old && account.failedAttempts > 0 ? { failed_attempts: account.failedAttempts } : {}),
    ...(own && !old && account.lastPictureUpdate !== 0
      ? { last_picture_update: account.lastPictureUpdate }
      : {}),
    locale: 'en',
    timezone: { automaticTimezone: '', manualTimezone: '', useAutomaticTimezone: 'true' },
    ...(account.isBot ? { is_bot: true } : old ? {} : { remote_id: '' }),
    disable_welcome_email: false,
  }
}

/** A user read by GET: with an ETag, and 304 where the caller has it already. */
export function userAnswer(call: Call, actor: Actor, account: Account, world: World): Answer {
  const { traits, settings } = world
  const shown = `${settings.showEmailAddress}.${settings.showEmailAddress}`
  const etag = `${traits.version}.${account.id}.${account.updateAt}..0.${shown}.0`
  if (call.headers['if-none-match'] === etag) {
    return { status: 304, headers: { Etag: etag }, body: '', routed: 'api' }
  }
  const view = userJson(account, viewerOf(actor, account), traits, settings.showEmailAddress)
  return json(view, 200, { Etag: etag })
}
