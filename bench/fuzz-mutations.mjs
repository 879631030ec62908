// Changes to DER, each from a seed: what the fuzz tests and the fuzz runs feed to the readers.

/** Numbers from 0 up to 1 that follow from the seed (mulberry32). */
export function randomFrom(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** The names of the changes, in the order in which they are taken in turn. */
export const mutations = Object.freeze([
  'bits',
  'octets',
  'truncation',
  'insertion',
  'length',
  'value',
  'tag',
  'removal',
  'repetition',
  'exchange',
  'nesting',
  'integer',
  'identifier',
  'crowd',
])

/** @returns other bytes, made from these by the change of that name; they may happen to be the same */
export function mutate(der, mutation, random) {
  const below = (limit) => Math.floor(random() * limit)
  const junk = (length) => Buffer.from(Array.from({ length }, () => below(256)))
  switch (mutation) {
    case 'bits':
      return flipped(der, below, 1 + below(8))
    case 'octets': {
      const copy = Buffer.from(der)
      junk(1 + below(8)).copy(copy, below(copy.length))
      return copy
    }
    case 'truncation':
      return Buffer.from(der.subarray(0, below(der.length)))
    case 'insertion': {
      const at = below(der.length)
      return Buffer.concat([der.subarray(0, at), junk(1 + below(64)), der.subarray(at)])
    }
    case 'length':
      return inflated(der, below)
    default:
      return changedTree(der, mutation, below, junk)
  }
}

function flipped(der, below, count) {
  const copy = Buffer.from(der)
  for (let flip = 0; flip < count; flip += 1) copy[below(copy.length)] ^= 1 << below(8)
  return copy
}

/** One length octet that promises more, less, or no end. */
function inflated(der, below) {
  const copy = Buffer.from(der)
  const lengths = lengthOffsets(der)
  const at = lengths[below(lengths.length)]
  const forms = [
    [0x80],
    [0x84, 0xff, 0xff, 0xff, 0xff],
    [0x83, 0, 0, copy[at]],
    [0x81, copy[at]],
    [0xff],
    [copy[at] + 1 + below(9)],
  ]
  const form = Buffer.from(forms[below(forms.length)])
  return Buffer.concat([copy.subarray(0, at), form, copy.subarray(at + 1)])
}

function lengthOffsets(der) {
  const found = []
  const walk = (node) => {
    found.push(node.start + 1)
    node.children?.forEach(walk)
  }
  readAll(der, 0, der.length).forEach(walk)
  return found
}

/** The change is made in the tree and all lengths above it are set right, so that it gets further in. */
function changedTree(der, mutation, below, junk) {
  const roots = readAll(der, 0, der.length)
  const nodes = []
  const collect = (node) => {
    nodes.push(node)
    node.children?.forEach(collect)
  }
  roots.forEach(collect)
  const node = nodes[below(nodes.length)]
  const list = nodes.find((one) => one.children?.includes(node))?.children ?? roots
  const at = list.indexOf(node)
  switch (mutation) {
    case 'value':
      setContent(node, junk(below(200)))
      break
    case 'tag':
      node.tag = below(256)
      break
    case 'removal':
      list.splice(at, 1)
      break
    case 'repetition':
      list.splice(at, 0, ...Array.from({ length: 1 + below(3) }, () => node))
      break
    case 'exchange':
      list[at] = nodes[below(nodes.length)]
      return encodeAll(roots, 60)
    case 'nesting':
      setContent(node, nested(1 + below(4000), [0x30, 0x31, 0xa0, 0xa3][below(4)]))
      break
    case 'integer':
      setContent(node, junk(1 + below(12000)))
      node.tag = 0x02
      break
    case 'identifier':
      setContent(node, Buffer.concat([Buffer.alloc(1 + below(12000), 0x80 + below(128)), Buffer.from([1])]))
      node.tag = 0x06
      break
    case 'crowd':
      list.splice(at, 0, ...crowd(node, 1 + below(2000), below))
      break
  }
  return encodeAll(roots, 60)
}

/** Copies, each with another last octet or two, so that they are not all the same. */
function crowd(node, count, below) {
  const bytes = encodeAll([node], 60)
  const most = Math.min(count, Math.floor(24_000 / bytes.length) + 1)
  return Array.from({ length: most }, (_none, number) => {
    const copy = Buffer.from(bytes)
    if (copy.length > 3) copy.writeUInt16BE((number + below(3)) & 0xffff, copy.length - 2)
    return { raw: copy }
  })
}

function nested(depth, tag) {
  let bytes = Buffer.alloc(0)
  for (let level = 0; level < depth && bytes.length < 20_000; level += 1) bytes = header(tag, bytes)
  return bytes
}

function setContent(node, content) {
  node.content = content
  delete node.children
}

/** As far as it can be read; what cannot, stands as it is. */
function readAll(bytes, from, until) {
  const nodes = []
  for (let start = from; start < until; ) {
    const node = read(bytes, start, until)
    if (node === null) return [...nodes, { raw: bytes.subarray(start, until), start }]
    nodes.push(node)
    start = node.end
  }
  return nodes
}

function read(bytes, start, until) {
  const first = bytes[start + 1]
  if (start + 2 > until || first === undefined) return null
  const octets = first < 0x80 ? 0 : first & 0x7f
  if (octets > 3 || first === 0x80 || start + 2 + octets > until) return null
  const length = octets === 0 ? first : bytes.readUIntBE(start + 2, octets)
  const contentStart = start + 2 + octets
  const end = contentStart + length
  if (end > until) return null
  const tag = bytes[start]
  const content = bytes.subarray(contentStart, end)
  if ((tag & 0x20) === 0) return { tag, content, start, end }
  return { tag, content, start, end, children: readAll(bytes, contentStart, end) }
}

/** An exchange may have put a value into itself: deeper than this nothing is written. */
function encodeAll(nodes, depth) {
  if (depth === 0) return Buffer.alloc(0)
  const parts = nodes.map((node) => {
    if (node.raw !== undefined) return node.raw
    return header(node.tag, node.children === undefined ? node.content : encodeAll(node.children, depth - 1))
  })
  return Buffer.concat(parts)
}

function header(tag, content) {
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content])
  if (length < 0x100) return Buffer.concat([Buffer.from([tag, 0x81, length]), content])
  if (length < 0x10000) return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 0xff]), content])
  return Buffer.concat([Buffer.from([tag, 0x83, length >> 16, (length >> 8) & 0xff, length & 0xff]), content])
}
