export function randomFrom(seed: number): () => number

export type Mutation =
  | 'bits'
  | 'octets'
  | 'truncation'
  | 'insertion'
  | 'length'
  | 'value'
  | 'tag'
  | 'removal'
  | 'repetition'
  | 'exchange'
  | 'nesting'
  | 'integer'
  | 'identifier'
  | 'crowd'

export const mutations: readonly Mutation[]

export function mutate(der: Uint8Array, mutation: Mutation, random: () => number): Uint8Array
