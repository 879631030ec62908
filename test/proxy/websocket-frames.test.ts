import fc from 'fast-check'
import { test } from 'tap'
import { closeFrames } from '../../src/proxy/websocket-close-frame.js'
import { FrameWalker } from '../../src/proxy/websocket-frame-walker.js'
import { frame } from './websocket-gateway.js'

const frames = fc.array(
  fc.record({
    opcode: fc.constantFrom(0, 1, 2),
    length: fc.oneof(fc.nat(5), fc.constantFrom(125, 126, 127, 65_535, 65_536), fc.nat(400)),
    masked: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8 },
)

/** Boundaries by construction, not by another parser. */
function stream(made: readonly { opcode: number; length: number; masked: boolean }[]): {
  bytes: Buffer
  ends: number[]
} {
  const parts = made.map(({ opcode, length, masked }) => frame(opcode, Buffer.alloc(length, 0x88), masked))
  let at = 0
  const ends = parts.map((part) => (at += part.length))
  return { bytes: Buffer.concat(parts), ends }
}

test('finds the boundaries of frames for any split into chunks', (t) => {
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1 }), (made, sizes) => {
      const { bytes, ends } = stream(made)
      const walker = new FrameWalker()
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const end = Math.min(bytes.length, at + (sizes[turn % sizes.length] ?? 1))
        if (walker.walk(bytes.subarray(at, end)) !== end - at) return false
        if (walker.malformed || walker.atBoundary !== ends.includes(end)) return false
        at = end
      }
      return walker.closeCode === 0
    }),
  )
  t.end()
})

test('stops at the first boundary when asked to, wherever it begins', (t) => {
  fc.assert(
    fc.property(frames, fc.nat(), (made, start) => {
      const { bytes, ends } = stream(made)
      const from = start % bytes.length
      const walker = new FrameWalker()
      walker.walk(bytes.subarray(0, from))
      const expected = from === 0 ? 0 : ends.find((end) => end >= from)
      return from + walker.walk(bytes.subarray(from), true) === expected && walker.atBoundary
    }),
  )
  t.end()
})

test('reads the code of a close frame, masked or not, in any pieces', (t) => {
  for (const bytes of [closeFrames(4_401, 'ended').toClient, closeFrames(4_401, 'ended').toUpstream]) {
    const walker = new FrameWalker()
    for (const byte of Buffer.concat([frame(1, 'hello', false), bytes])) walker.walk(Buffer.from([byte]))
    t.equal(walker.closeCode, 4_401)
  }
  for (const payload of [Buffer.alloc(0), Buffer.from([3])]) {
    const walker = new FrameWalker()
    walker.walk(frame(8, payload, true))
    t.equal(walker.closeCode, 1_005)
    walker.walk(closeFrames(4_401, '').toClient)
    t.equal(walker.closeCode, 1_005, 'the first counts')
  }
  t.end()
})

test('finds heads that nobody may send', (t) => {
  const heads = [
    [0x83, 0],
    [0x8b, 0],
    [0x09, 0],
    [0x88, 126, 0, 126],
    [0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0],
    [0x82, 127, 0, 0x40, 0, 0, 0, 0, 0, 0],
  ]
  for (const head of heads) {
    const walker = new FrameWalker()
    walker.walk(Buffer.from([0x81, 1, 65, ...head, 1, 2, 3]))
    t.equal(walker.malformed, true, head.join(' '))
  }
  const walker = new FrameWalker()
  walker.walk(Buffer.from([0xf1, 1, 65, 0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0, 9]))
  t.equal(walker.malformed, false, 'reserved bits belong to extensions, and 4 GiB are allowed')
  t.end()
})

test('makes no close frame that may not be sent', (t) => {
  t.throws(() => closeFrames(4_401, 'ä'.repeat(62)), RangeError)
  t.throws(() => closeFrames(99, ''), RangeError)
  t.equal(closeFrames(4_401, 'x'.repeat(123)).toClient.length, 127)
  t.end()
})
