import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

export interface RecordedRequest {
  readonly via?: string
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | null>>
  readonly body?: unknown
  /** The bytes of the whole request, instead of all the others. */
  readonly raw?: string
}

export interface RecordedResponse {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: unknown
  readonly raw?: string
}

export interface RecordedFrame {
  readonly from: 'server' | 'client' | 'recorder'
  readonly opcode?: 'text' | 'close' | 'ping' | 'pong'
  readonly data: unknown
}

export interface RecordedClose {
  readonly code?: number
  readonly by?: 'server' | 'recorder'
  readonly afterMs?: number
}

export interface Step {
  readonly note?: string
  readonly request?: RecordedRequest
  readonly response?: RecordedResponse
  readonly upgrade?: RecordedResponse
  readonly frames?: readonly RecordedFrame[]
  readonly close?: RecordedClose
}

export interface Scenario {
  readonly name: string
  readonly steps: readonly Step[]
}

export function readScenarios(version: string): Scenario[] {
  const file = resolve(import.meta.dirname, `../../contract/recordings-${version}.json`)
  return JSON.parse(readFileSync(file, 'utf8')) as Scenario[]
}
