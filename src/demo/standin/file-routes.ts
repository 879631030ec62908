import type { Account } from './accounts.js'
import { type Answer, appError, forbidden, isAnswer, json } from './answer.js'
import type { Actor, Call } from './call.js'
import { contentAnswer } from './content-answer.js'
import { readFormParts } from './multipart.js'
import { type Route, signedIn } from './route.js'
import { targetUser } from './target-user.js'
import { extensionOf, type UploadedFile } from './uploaded-files.js'
import type { World } from './world.js'

const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

/** Rule 71. */
export const fileRoutes: readonly Route[] = [
  signedIn('POST', '/files', (call, actor, world) => {
    return actor.account === null ? forbidden() : upload(call, actor.account, world)
  }),
  signedIn('GET', '/files/{id}', (call, actor, world, [id = '']) => {
    const file = readableFile(id, actor, world)
    return isAnswer(file) ? file : download(call, file, world)
  }),
  signedIn('GET', '/files/{id}/info', (_call, actor, world, [id = '']) => {
    const file = readableFile(id, actor, world)
    if (isAnswer(file)) return file
    return json(fileJson(file, world), 200, { 'Cache-Control': 'max-age=2592000, private' })
  }),
  signedIn(
    'GET',
    '/users/{id}/image',
    (_call, actor, world, [id = '']) => {
      const account = targetUser(id, actor, world)
      if (isAnswer(account)) return account
      const headers = { 'Content-Type': 'image/png', 'Cache-Control': 'max-age=300, private' }
      return { status: 200, headers, body: pixel, routed: 'api' }
    },
    { trusting: true },
  ),
]

async function upload(call: Call, account: Account, world: World): Promise<Answer> {
  const body = await call.readBody()
  const type = call.headers['content-type'] ?? ''
  const isForm = type.toLowerCase().startsWith('multipart/')
  const parts = isForm
    ? readFormParts(type, body)
    : [{ name: 'files', filename: call.query.get('filename') ?? 'file', bytes: body }]
  if (parts === null) return appError(400, 'api.file.upload_file.read_request.app_error')
  const field = (name: string) => parts.find((part) => part.name === name)?.bytes.toString('utf8')
  const channelId = field('channel_id') ?? call.query.get('channel_id') ?? ''
  const files = parts.filter((part) => part.filename !== null)
  if (files.some((part) => part.bytes.length > world.settings.maxFileSizeBytes)) {
    return appError(413, 'api.file.upload_file.too_large_detailed.app_error')
  }
  const kept = files.map(({ filename, bytes }) =>
    world.files.add({ name: filename ?? '', bytes, channelId, userId: account.id }),
  )
  return json({ file_infos: kept.map((file) => fileJson(file, world)), client_ids: isForm ? [] : null }, 201)
}

function readableFile(id: string, actor: Actor, world: World): UploadedFile | Answer {
  const file = world.files.byId(id)
  if (file === undefined) return appError(404, 'app.file_info.get.app_error')
  const members = world.teams.byChannel(file.channelId)?.memberIds
  const userId = actor.account?.id ?? ''
  return actor.mayManage || file.userId === userId || members?.has(userId) === true ? file : forbidden()
}

function download(call: Call, file: UploadedFile, world: World): Answer {
  const kind = file.mimeType.startsWith('image/') ? 'inline' : 'attachment'
  const encoded = encodeURIComponent(file.name)
  return contentAnswer(call, {
    bytes: file.bytes,
    type: file.mimeType,
    modifiedAt: file.createAt,
    routed: 'api',
    dropsCachingOnError: world.traits.fileErrorsDropCaching,
    headers: {
      'Cache-Control': world.traits.fileCacheControl,
      'Content-Disposition': `${kind};filename="${file.name}"; filename*=UTF-8''${encoded}`,
      'Content-Security-Policy': "Frame-ancestors 'none'",
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'DENY',
      'X-Uncompressed-Content-Length': String(file.bytes.length),
    },
  })
}

function fileJson(file: UploadedFile, world: World): object {
  return {
    id: file.id,
    user_id: file.userId,
    channel_id: world.traits.generation === '11' ? file.channelId : '',
    create_at: file.createAt,
    update_at: file.createAt,
    delete_at: 0,
    name: file.name,
    extension: extensionOf(file.name),
    size: file.bytes.length,
    mime_type: file.mimeType,
    mini_preview: null,
    remote_id: '',
    ...(world.traits.generation === '11' ? { archived: false } : {}),
  }
}
