import { checkPrimitive, isConstructedType, isKnownUniversal } from './der-rules.js'

/** What is not DER, or is not the structure that was asked for. Never leaves the room: it becomes a Refusal. */
export class DerError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DerError'
  }
}

/** Bounds of one walk. asn1js needs time in the square of an OID's length, so that has its own. */
export interface DerLimits {
  readonly maxBytes: number
  readonly maxDepth: number
  readonly maxNodes: number
  readonly maxOidBytes: number
}

/** One value and where it stands; `identifier` is its first octet: class, constructed bit, tag number. */
export class DerValue {
  readonly identifier: number
  /** Empty for a primitive value. */
  readonly children: readonly DerValue[]
  readonly #source: Uint8Array
  readonly #start: number
  readonly #contentStart: number
  readonly #end: number

  constructor(
    source: Uint8Array,
    position: { readonly start: number; readonly contentStart: number; readonly end: number },
    children: readonly DerValue[],
  ) {
    this.identifier = source[position.start] ?? 0
    this.children = children
    this.#source = source
    this.#start = position.start
    this.#contentStart = position.contentStart
    this.#end = position.end
  }

  /** The whole encoding. */
  get bytes(): Uint8Array {
    return this.#source.subarray(this.#start, this.#end)
  }

  get content(): Uint8Array {
    return this.#source.subarray(this.#contentStart, this.#end)
  }
}

/**
 * Walks one complete DER value (X.690 §8, §10, §11) without recursion into what OCTET STRING and BIT STRING
 * hold, and refuses trailing bytes, indefinite and non-minimal lengths, tag numbers above 30, universal
 * types that X.509 does not use, and non-canonical primitive values.
 *
 * @throws DerError
 */
export function readDer(source: Uint8Array, limits: DerLimits): DerValue {
  if (source.length > limits.maxBytes) throw new DerError(`more than ${limits.maxBytes} bytes`)
  const walk = { source, limits, nodes: 0 }
  const root = readValue(walk, 0, source.length, 0)
  if (root.bytes.length !== source.length) throw new DerError('bytes after the end of the value')
  return root
}

interface Walk {
  readonly source: Uint8Array
  readonly limits: DerLimits
  nodes: number
}

function readValue(walk: Walk, start: number, limit: number, depth: number): DerValue {
  walk.nodes += 1
  if (walk.nodes > walk.limits.maxNodes) throw new DerError(`more than ${walk.limits.maxNodes} values`)
  if (depth > walk.limits.maxDepth) throw new DerError(`nested deeper than ${walk.limits.maxDepth}`)
  const identifier = byteAt(walk, start, limit)
  checkIdentifier(identifier)
  const { contentStart, end } = readLength(walk, start + 1, limit)
  if ((identifier & 0x20) === 0) {
    const problem = checkPrimitive(
      identifier,
      walk.source.subarray(contentStart, end),
      walk.limits.maxOidBytes,
    )
    if (problem !== null) throw new DerError(problem)
    return new DerValue(walk.source, { start, contentStart, end }, [])
  }
  const children: DerValue[] = []
  for (let position = contentStart; position < end; ) {
    const child = readValue(walk, position, end, depth + 1)
    children.push(child)
    position += child.bytes.length
  }
  if (identifier === 0x31) checkSetOrder(children)
  return new DerValue(walk.source, { start, contentStart, end }, children)
}

function byteAt(walk: Walk, position: number, limit: number): number {
  const byte = position < limit ? walk.source[position] : undefined
  if (byte === undefined) throw new DerError('a value ends early')
  return byte
}

function checkIdentifier(identifier: number): void {
  const number = identifier & 0x1f
  if (number === 0x1f) throw new DerError('a tag number above 30')
  if ((identifier & 0xc0) !== 0) return
  if (!isKnownUniversal(number)) throw new DerError(`a universal type that X.509 does not use: ${number}`)
  if (((identifier & 0x20) !== 0) !== isConstructedType(number)) {
    throw new DerError(`universal type ${number} in the wrong form, constructed or primitive`)
  }
}

/** Definite form, the shortest (X.690 §10.1). Three length octets are more than any bound here allows. */
function readLength(walk: Walk, position: number, limit: number): { contentStart: number; end: number } {
  const first = byteAt(walk, position, limit)
  let contentStart = position + 1
  let length = first
  if (first >= 0x80) {
    const octets = first & 0x7f
    if (octets === 0) throw new DerError('an indefinite length')
    if (octets > 3) throw new DerError('a length beyond every bound')
    length = 0
    for (let index = 0; index < octets; index += 1)
      length = (length << 8) | byteAt(walk, contentStart++, limit)
    const shortest = octets === 1 ? 0x80 : 1 << (8 * (octets - 1))
    if (length < shortest) throw new DerError('a length that is not in its shortest form')
  }
  const end = contentStart + length
  if (end > limit) throw new DerError('a value longer than what holds it')
  return { contentStart, end }
}

/** SET OF in ascending order of the encodings, none twice (X.690 §11.6; a set of equals is no set). */
function checkSetOrder(children: readonly DerValue[]): void {
  for (let index = 1; index < children.length; index += 1) {
    const [before, after] = [children[index - 1], children[index]]
    if (before === undefined || after === undefined) continue
    if (Buffer.compare(before.bytes, after.bytes) >= 0) throw new DerError('a SET OF that is not in order')
  }
}
