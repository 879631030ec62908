import type { Socket } from 'node:net'

/** Something that goes on for a client, and ends with its connection. */
export interface Conversation {
  clientGone(): void
}

/**
 * Who is to be told when a client's connection closes: one listener for each connection, not for each
 * request, and it also reaches an answer that waits behind an earlier one (pipelining), which Node
 * itself tells nothing.
 */
export class ClientConnections {
  readonly #conversations = new WeakMap<Socket, Set<Conversation>>()

  begin(socket: Socket, conversation: Conversation): void {
    const known = this.#conversations.get(socket)
    if (known !== undefined) {
      known.add(conversation)
      return
    }
    const conversations = new Set([conversation])
    this.#conversations.set(socket, conversations)
    socket.once('close', () => {
      for (const open of conversations) open.clientGone()
    })
  }

  end(socket: Socket, conversation: Conversation): void {
    this.#conversations.get(socket)?.delete(conversation)
  }
}
