import { Refusal } from '../core/refusals.js'
import type { DerValue } from './der.js'
import { DerError } from './der.js'
import { DerReader, tags } from './der-values.js'

/** Milliseconds since 1970; both moments belong to the period (RFC 5280 §4.1.2.5). */
export interface Validity {
  readonly notBefore: number
  readonly notAfter: number
}

export function readValidity(value: DerValue): Validity {
  const reader = new DerReader(value, tags.sequence, 'validity')
  const notBefore = readTime(reader.takeAny(), 'notBefore')
  const notAfter = readTime(reader.takeAny(), 'notAfter')
  reader.end()
  return { notBefore, notAfter }
}

/** Seconds are there, no fraction, Zulu (§4.1.2.5.1 and .2). */
const timePattern = /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/

export function readTime(value: DerValue | null, what: string): number {
  const form = value?.identifier
  if (value === null || (form !== tags.utcTime && form !== tags.generalizedTime)) {
    throw new DerError(`${what} is missing or of another type`)
  }
  const text = Buffer.from(value.content).toString('latin1')
  const fields = timePattern.exec(text)?.slice(1)
  const expectedLength = form === tags.utcTime ? 13 : 15
  if (fields === undefined || text.length !== expectedLength)
    throw new DerError(`${what} is not in the form of RFC 5280`)
  const [digits = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = fields.map(Number)
  const year = form === tags.generalizedTime ? digits : digits < 50 ? 2000 + digits : 1900 + digits
  return momentOf([year, month, day, hour, minute, second], what)
}

/** What no calendar has (30 February, hour 24, a leap second) comes back changed, and is refused. */
function momentOf(fields: readonly [number, number, number, number, number, number], what: string): number {
  const [year, month, day, hour, minute, second] = fields
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second)
  const back = [
    date.getUTCFullYear(),
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
  ]
  if (back.some((field, index) => field !== fields[index]))
    throw new DerError(`${what} is no moment of the calendar`)
  return date.getTime()
}

/** RFC 5280 §6.1.3(a)(2) */
export function checkValidity(
  { notBefore, notAfter }: Validity,
  atMs: number,
  whose: string,
): Refusal | null {
  if (atMs < notBefore) {
    const detail = `${whose} is valid from ${new Date(notBefore).toISOString()}`
    return new Refusal('certificate_not_yet_valid', { detail })
  }
  if (atMs > notAfter) {
    const detail = `${whose} was valid until ${new Date(notAfter).toISOString()}`
    return new Refusal('certificate_expired', { detail })
  }
  return null
}
