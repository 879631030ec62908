import type { Clock } from '../../core/clock.js'
import { newId } from './ids.js'

/** A team; its one channel is Town Square. */
export interface Team {
  readonly id: string
  readonly name: string
  readonly displayName: string
  readonly createAt: number
  readonly inviteId: string
  readonly channelId: string
  readonly memberIds: Set<string>
}

export class Teams {
  readonly #clock: Clock
  readonly #all: Team[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(name: string, displayName: string): Team {
    const team: Team = {
      id: newId(),
      name,
      displayName,
      createAt: this.#clock.now(),
      inviteId: newId(),
      channelId: newId(),
      memberIds: new Set(),
    }
    this.#all.push(team)
    return team
  }

  byId(id: string): Team | undefined {
    return this.#all.find((team) => team.id === id)
  }

  byName(name: string): Team | undefined {
    return this.#all.find((team) => team.name === name)
  }

  byChannel(channelId: string): Team | undefined {
    return this.#all.find((team) => team.channelId === channelId)
  }

  ofUser(userId: string): Team[] {
    return this.#all.filter((team) => team.memberIds.has(userId))
  }

  forget(userId: string): void {
    for (const team of this.#all) team.memberIds.delete(userId)
  }
}
