import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'

const format = 1
const headerBytes = 9
const nonceBytes = 12
const tagBytes = 16

export interface SealedRecord {
  readonly value: Uint8Array
  readonly expiresAtMs: number | null
}

/**
 * AES-256-GCM over one record: format (1 byte), end (float64, 0: never), nonce, ciphertext, tag. Name
 * and head are additional data, so that a record opens under its own name and with its own end only.
 * Each name has its own key, so that the bound on random nonces under one key (2^32, NIST SP 800-38D
 * §8.3) is counted per record, however often a busy gateway writes.
 */
export class Seal {
  readonly #key: Uint8Array

  /** @param key 32 random bytes */
  constructor(key: Uint8Array) {
    this.#key = key
  }

  close(name: string, { value, expiresAtMs }: SealedRecord): Buffer {
    const header = Buffer.alloc(headerBytes)
    header.writeUInt8(format)
    header.writeDoubleBE(expiresAtMs ?? 0, 1)
    const nonce = randomBytes(nonceBytes)
    const cipher = createCipheriv('aes-256-gcm', this.#recordKey(name), nonce)
    cipher.setAAD(additionalData(name, header))
    const sealed = Buffer.concat([cipher.update(value), cipher.final()])
    return Buffer.concat([header, nonce, sealed, cipher.getAuthTag()])
  }

  /** Null: it was not sealed under this key and name, or was changed since. */
  open(name: string, record: Uint8Array): SealedRecord | null {
    if (record.length < headerBytes + nonceBytes + tagBytes || record[0] !== format) return null
    const bytes = Buffer.from(record.buffer, record.byteOffset, record.byteLength)
    const header = bytes.subarray(0, headerBytes)
    const nonce = bytes.subarray(headerBytes, headerBytes + nonceBytes)
    const decipher = createDecipheriv('aes-256-gcm', this.#recordKey(name), nonce, {
      authTagLength: tagBytes,
    })
    decipher.setAAD(additionalData(name, header))
    decipher.setAuthTag(bytes.subarray(-tagBytes))
    const value = decipher.update(bytes.subarray(headerBytes + nonceBytes, -tagBytes))
    try {
      decipher.final()
    } catch {
      return null
    }
    return { value, expiresAtMs: sealedEnd(record) }
  }

  #recordKey(name: string): Uint8Array {
    return createHmac('sha256', this.#key).update('mattergate record key\0').update(name).digest()
  }
}

/** When the record ends, read without opening it; the seal covers it. */
export function sealedEnd(record: Uint8Array): number | null {
  if (record.length < headerBytes) return null
  const end = new DataView(record.buffer, record.byteOffset).getFloat64(1)
  return end === 0 ? null : end
}

function additionalData(name: string, header: Uint8Array): Buffer {
  return Buffer.concat([header, Buffer.from(name, 'utf8')])
}
