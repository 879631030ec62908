import { type Answer, appError, forbidden, json } from './answer.js'
import { readObject, textOf } from './call.js'
import { newId } from './ids.js'
import { type Route, signedIn } from './route.js'

/** As much of posts as shows that a write got through: it is answered, and told to open websockets. */
export const postRoutes: readonly Route[] = [
  signedIn('POST', '/posts', async (call, actor, world): Promise<Answer> => {
    const wanted = await readObject(call)
    if (actor.account === null) return forbidden()
    const message = textOf(wanted, 'message')
    const channelId = textOf(wanted, 'channel_id')
    if (message.length > 16_383) return appError(400, 'model.post.is_valid.msg.app_error')
    if (world.teams.byChannel(channelId)?.memberIds.has(actor.account.id) !== true) return forbidden()
    const at = world.clock.now()
    const post = {
      id: newId(),
      create_at: at,
      update_at: at,
      delete_at: 0,
      user_id: actor.account.id,
      channel_id: channelId,
      message,
    }
    for (const socket of world.sockets) socket.sendEvent('posted', { post: JSON.stringify(post) }, channelId)
    return json(post, 201)
  }),
]
