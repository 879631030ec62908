/** A line of an audit file, parsed: no field but these two is known to be there. */
export type RecordedEvent = Readonly<Record<string, unknown>> & {
  readonly seq: number
  readonly event: string
}

/** Null: the line is not an audit event. */
export function parseRecordedEvent(line: string): RecordedEvent | null {
  const value = parseJson(line)
  return isRecordedEvent(value) ? value : null
}

/** A nested object of a recorded event, such as `user`; empty where there is none. */
export function section(event: RecordedEvent, name: string): Readonly<Record<string, unknown>> {
  const value = event[name]
  return isObject(value) ? value : {}
}

function isRecordedEvent(value: unknown): value is RecordedEvent {
  return (
    isObject(value) &&
    typeof value.event === 'string' &&
    typeof value.time === 'string' &&
    Number.isSafeInteger(value.seq)
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
