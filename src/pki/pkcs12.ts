import type { KeyObject } from 'node:crypto'
import { randomBytes, X509Certificate } from 'node:crypto'
import * as asn1js from 'asn1js'
import * as pkijs from 'pkijs'

export interface Pkcs12Options {
  /** DER */
  readonly certificate: Uint8Array
  readonly privateKey: KeyObject
  /** DER of the issuers, in any order. */
  readonly chain?: readonly Uint8Array[]
  /** Text; PKCS #12 encodes it as UTF-8 for PBES2 and as BMPString for the integrity key. */
  readonly password: string
  /** The name under which the browser lists it. */
  readonly friendlyName: string
  /** Of both key derivations; by default 100,000. */
  readonly iterations?: number
}

const friendlyNameType = '1.2.840.113549.1.9.20'
const localKeyIdType = '1.2.840.113549.1.9.21'
const keyBagType = '1.2.840.113549.1.12.10.1.2'
const certificateBagType = '1.2.840.113549.1.12.10.1.3'

/**
 * A certificate with its key and its issuers as one password-protected file (RFC 7292), for import into
 * browsers and systems: PBES2 with AES-256-CBC and HMAC-SHA-256, integrity by HMAC-SHA-256. Systems
 * older than Windows 10 1709 and macOS 15 read weaker files only.
 */
export async function makePkcs12(options: Pkcs12Options): Promise<Uint8Array> {
  // An engine of our own: pkijs's global one belongs to whoever set it.
  const engine = new pkijs.CryptoEngine({ name: 'node', crypto: globalThis.crypto })
  const password = bytesOf(Buffer.from(options.password, 'utf8'))
  const iterations = options.iterations ?? 100_000
  const keyBag = new pkijs.PKCS8ShroudedKeyBag({ parsedValue: privateKeyInfo(options.privateKey) })
  await keyBag.makeInternalValues(encryption(password, iterations), engine)
  const safe = new pkijs.AuthenticatedSafe({
    parsedValue: {
      safeContents: [
        { privacyMode: 0, value: new pkijs.SafeContents({ safeBags: [keySafeBag(keyBag, options)] }) },
        { privacyMode: 1, value: new pkijs.SafeContents({ safeBags: certificateSafeBags(options) }) },
      ],
    },
  })
  await safe.makeInternalValues({ safeContents: [{}, encryption(password, iterations)] }, engine)
  const pfx = new pkijs.PFX({ parsedValue: { integrityMode: 0, authenticatedSafe: safe } })
  const sha256 = { pbkdf2HashAlgorithm: 'SHA-256', hmacHashAlgorithm: 'SHA-256' }
  await pfx.makeInternalValues({ password, iterations, ...sha256 }, engine)
  return new Uint8Array(pfx.toSchema().toBER())
}

function encryption(password: ArrayBuffer, iterationCount: number) {
  return {
    password,
    contentEncryptionAlgorithm: { name: 'AES-CBC', length: 256, iv: Uint8Array.from(randomBytes(16)) },
    hmacHashAlgorithm: 'SHA-256',
    iterationCount,
  }
}

function keySafeBag(keyBag: pkijs.PKCS8ShroudedKeyBag, options: Pkcs12Options): pkijs.SafeBag {
  return new pkijs.SafeBag({ bagId: keyBagType, bagValue: keyBag, bagAttributes: attributes(options) })
}

function certificateSafeBags(options: Pkcs12Options): pkijs.SafeBag[] {
  const own = certificateSafeBag(options.certificate, attributes(options))
  return [own, ...(options.chain ?? []).map((certificate) => certificateSafeBag(certificate))]
}

function certificateSafeBag(der: Uint8Array, bagAttributes?: pkijs.Attribute[]): pkijs.SafeBag {
  const bagValue = new pkijs.CertBag({ parsedValue: pkijs.Certificate.fromBER(bytesOf(der)) })
  return new pkijs.SafeBag({
    bagId: certificateBagType,
    bagValue,
    ...(bagAttributes === undefined ? {} : { bagAttributes }),
  })
}

/** The local key id is what ties the key to its certificate; SHA-1 of the certificate by custom. */
function attributes({ certificate, friendlyName }: Pkcs12Options): pkijs.Attribute[] {
  const fingerprint = Buffer.from(new X509Certificate(certificate).fingerprint.replaceAll(':', ''), 'hex')
  return [
    new pkijs.Attribute({ type: friendlyNameType, values: [new asn1js.BmpString({ value: friendlyName })] }),
    new pkijs.Attribute({
      type: localKeyIdType,
      values: [new asn1js.OctetString({ valueHex: bytesOf(fingerprint) })],
    }),
  ]
}

function privateKeyInfo(key: KeyObject): pkijs.PrivateKeyInfo {
  return pkijs.PrivateKeyInfo.fromBER(bytesOf(key.export({ format: 'der', type: 'pkcs8' })))
}

/** A buffer that holds nothing else: pkijs takes ArrayBuffers, and a Buffer is a view into a larger one. */
function bytesOf(view: Uint8Array): ArrayBuffer {
  return Uint8Array.from(view).buffer
}
