import { readSeal } from './hash-chain.js'
import { type FileLine, readLines } from './lines.js'
import { parseRecordedEvent } from './recorded-event.js'

/** What is wrong with the first line that is wrong. */
export type AuditFlaw = 'torn' | 'unreadable' | 'unchained' | 'altered' | 'out_of_chain' | 'out_of_sequence'

/** What each flaw means, for the person who verifies. */
export const flawTexts: Readonly<Record<AuditFlaw, string>> = {
  torn: 'this line is not finished: it was torn by a crash, or is being written',
  unreadable: 'this line is not an audit event',
  unchained: 'this line has no hash: audit.chain was off when it was written, so it cannot be verified',
  altered: 'this line was changed after it was written',
  out_of_chain:
    'this line does not follow the one before it: a line was removed, inserted or moved, or the line before was changed together with its hash',
  out_of_sequence: 'the number of this line does not follow the one before it',
}

export type AuditVerification =
  | { readonly ok: true; readonly events: number; readonly headHash: string | null }
  | { readonly ok: false; readonly file: string; readonly line: number; readonly reason: AuditFlaw }

interface Head {
  readonly seq: number
  readonly hash: string
}

/**
 * Checks the chain over the files in the order given, oldest first. The very first line may follow any
 * line; what was removed before it or behind the last line shows only against a head hash that was
 * noted elsewhere. Files of any size are read in bounded memory.
 *
 * @returns the first line that is wrong, counted from 1; `headHash` is null where there are no events.
 * @throws Fault ERR_AUDIT_IO where a file cannot be read.
 */
export async function verifyAuditFiles(files: readonly string[]): Promise<AuditVerification> {
  let head: Head | null = null
  let events = 0
  for (const file of files) {
    for await (const lines of readLines(file)) {
      for (const line of lines) {
        const next = follow(head, line)
        if (typeof next === 'string') return { ok: false, file, line: line.number, reason: next }
        head = next
        events += 1
      }
    }
  }
  return { ok: true, events, headHash: head?.hash ?? null }
}

function follow(head: Head | null, { bytes, whole }: FileLine): Head | AuditFlaw {
  if (!whole) return 'torn'
  const event = parseRecordedEvent(bytes.toString())
  if (event === null) return 'unreadable'
  const seal = readSeal(bytes)
  if (typeof seal === 'string') return seal
  if (head !== null && seal.prev !== head.hash) return 'out_of_chain'
  if (head !== null && event.seq !== head.seq + 1) return 'out_of_sequence'
  return { seq: event.seq, hash: seal.hash }
}
