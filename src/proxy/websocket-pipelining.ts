import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Which requests of a connection have no whole answer yet. */
export interface AnswerTracker {
  unanswered(socket: Socket): number
  /** Whether an answer written now would be read as the one to the latest request, and nothing else. */
  nothingSent(socket: Socket): boolean
  /**
   * Resolves once every request that came before has its whole answer, or the connection is closed. For
   * a socket that Node handed over with `upgrade` or `connect`, as Node no longer tells its answers then
   * that there is room again: this does until they are complete.
   */
  whenAnswered(socket: Socket): Promise<void>
}

/** To be called before the server listens. */
export function trackAnswers(server: Server): AnswerTracker {
  const answers = new WeakMap<Socket, ServerResponse[]>()
  server.prependListener('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const known = answers.get(socket)
    if (known === undefined) {
      answers.set(socket, [response])
      return
    }
    dropAnswered(known)
    known.push(response)
  })
  const open = (socket: Socket) => dropAnswered(answers.get(socket) ?? [])
  return {
    unanswered: (socket) => open(socket).length,
    nothingSent: (socket) => {
      const [first, second] = open(socket)
      return second === undefined && first?.headersSent !== true
    },
    whenAnswered: (socket) => untilAnswered(socket, open(socket)),
  }
}

function untilAnswered(socket: Socket, open: readonly ServerResponse[]): Promise<void> {
  const last = open.at(-1)
  if (last === undefined || socket.destroyed) return Promise.resolve()
  const drained = () => {
    for (const response of open) if (response.socket === socket) response.emit('drain')
  }
  return new Promise((resolve) => {
    const answered = () => {
      socket.off('drain', drained)
      socket.off('close', answered)
      last.off('close', answered)
      resolve()
    }
    socket.on('drain', drained)
    socket.on('close', answered)
    last.on('close', answered)
    // The 'drain' may have been before us.
    if (!socket.writableNeedDrain) drained()
  })
}

/** Answers are completed in the order of their requests. */
function dropAnswered(answers: ServerResponse[]): ServerResponse[] {
  let first = answers[0]
  while (first !== undefined && isAnswered(first)) {
    answers.shift()
    first = answers[0]
  }
  return answers
}

/** Written out is not enough: until Node has taken the socket from it, no other answer fits. */
function isAnswered(response: ServerResponse): boolean {
  return response.writableFinished && response.socket === null
}
