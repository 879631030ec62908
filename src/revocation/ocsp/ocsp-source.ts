import { randomBytes } from 'node:crypto'
import { FetchQueue } from '../fetch/fetch-queue.js'
import type { Fetcher } from '../fetch/fetcher.js'
import { type CertificateQuestion, type CertificateStatus, type StatusSource, unknown } from '../sources.js'
import { AnswerBook } from './answer-book.js'
import type { OcspQuestion } from './judge-response.js'
import { encodeOcspRequest } from './request.js'
import { type ResponderCondition, ResponderHealth } from './responder-health.js'
import { responderUrls } from './responder-urls.js'
import { statusIn } from './status-in.js'

export interface OcspSourceOptions {
  readonly fetcher: Pick<Fetcher, 'fetch'>
  /** In place of what the certificate says; null: the certificate's own, where its host is allowed. */
  readonly responder: string | null
  /** Told when a certificate that was good is so no longer, or one that was not known is revoked: its SHA-256. */
  readonly onChange: (sha256: string) => void
}

const answerBytes = 65_536
/** One responder: waiting for a turn, and all tries. */
const answerMs = 5_000
/** All responders that a certificate names: so long its holder waits at most. */
const longestAskMs = 8_000
const perResponder = { running: 16, waiting: 256, tries: 3, tryMs: 3_000, backOffMs: 100 }
const mostResponders = 8
/** Renewals under way at once: fewer than a responder is asked at once, so that newcomers find room. */
const mostRenewing = 8
/** One that hangs must not put off what is due at others: the next round begins with those. */
const longestRoundMs = 10_000

/** Asks OCSP responders (RFC 6960), keeps what they said, and asks again ahead of its end. */
export class OcspSource implements StatusSource {
  readonly #options: OcspSourceOptions
  readonly #queue: FetchQueue
  readonly #book = new AnswerBook()
  readonly #health = new ResponderHealth()
  readonly #asking = new Map<string, Promise<CertificateStatus>>()
  #renewing: Promise<void> | null = null
  #version = 0

  constructor(options: OcspSourceOptions) {
    this.#options = options
    this.#queue = new FetchQueue(options.fetcher, perResponder)
  }

  /** Counts what was told so. */
  get version(): number {
    return this.#version
  }

  /** How the responders did that were asked, for readiness, metrics and doctor. */
  get conditions(): readonly ResponderCondition[] {
    return this.#health.conditions
  }

  /** Waits for nobody where the status is known; a responder that hangs holds up those alone who ask it. */
  async status(question: CertificateQuestion): Promise<CertificateStatus> {
    const key = keyOf(question)
    const known = this.#book.look(key, question.atMs)
    if (known !== null) return known
    const status = await question.aside(() => this.#askOnce(key, question))
    this.#book.want(key, status.validUntil)
    return status
  }

  /**
   * Asks anew what is due and still of use to somebody; called once a second. While one round goes on, a further
   * call waits for it and starts none.
   */
  refreshDue(nowMs: number): Promise<void> {
    this.#renewing ??= this.#renew(nowMs).finally(() => {
      this.#renewing = null
    })
    return this.#renewing
  }

  /** Ends what waits. Who closes the fetcher ends what is under way. */
  close(): void {
    this.#queue.close()
  }

  async #renew(nowMs: number): Promise<void> {
    const due = this.#book.due(nowMs).values()
    const begun = performance.now()
    const renewNext = async () => {
      for (const { key, question } of due) {
        const elapsedMs = performance.now() - begun
        if (elapsedMs > longestRoundMs) return
        await this.#askOnce(key, { ...question, atMs: nowMs + elapsedMs })
      }
    }
    await Promise.all(Array.from({ length: mostRenewing }, renewNext))
  }

  #askOnce(key: string, question: OcspQuestion): Promise<CertificateStatus> {
    const running = this.#asking.get(key)
    if (running !== undefined) return running
    const asking = this.#ask(question)
      .then((status) => this.#enter(key, question, status))
      .finally(() => this.#asking.delete(key))
    this.#asking.set(key, asking)
    return asking
  }

  #enter(key: string, { certificate, issuer, trust, atMs }: OcspQuestion, status: CertificateStatus) {
    const { held, hasTurned } = this.#book.enter(key, { certificate, issuer, trust, atMs }, status)
    if (hasTurned) {
      this.#version += 1
      this.#options.onChange(certificate.facts.sha256)
    }
    return held
  }

  async #ask(question: OcspQuestion): Promise<CertificateStatus> {
    const { responder } = this.#options
    const urls =
      responder === null ? responderUrls(question.certificate).slice(0, mostResponders) : [responder]
    const until = performance.now() + longestAskMs
    let status = unknown('it names no OCSP responder, and none is configured')
    for (const url of urls) {
      const leftMs = Math.floor(until - performance.now())
      if (leftMs < 1) return status
      status = await this.#askAt(url, question, Math.min(answerMs, leftMs))
      this.#health.note(url, status, question.atMs)
      // Whoever has a say has spoken, if only to say that he does not know.
      if (status.thisUpdate !== null) return status
    }
    return status
  }

  async #askAt(url: string, question: OcspQuestion, timeoutMs: number): Promise<CertificateStatus> {
    const nonce = randomBytes(32)
    const { certificate, issuer } = question
    const bytes = encodeOcspRequest(
      {
        issuerName: certificate.encoded.issuer,
        issuerKey: issuer.encoded.publicKey,
        serial: certificate.serialNumber,
      },
      nonce,
    )
    const answer = await this.#queue.fetch({
      ...{ url, maxBytes: answerBytes, timeoutMs, accept: 'application/ocsp-response' },
      body: { bytes, contentType: 'application/ocsp-request' },
    })
    if ('failure' in answer)
      return { ...unknown(`the responder ${url} cannot be asked (${answer.failure})`), source: url }
    return statusIn(answer.bytes, question, { source: url, nonce: nonce.toString('hex') })
  }
}

/**
 * The same serial number is another certificate below another key, or another issuer's name with that key; and
 * an answer by a small key is none any more once larger ones are required.
 */
function keyOf({ certificate, issuer, trust }: OcspQuestion): string {
  const { serial } = certificate.facts
  return `${issuer.facts.spkiSha256} ${serial} ${trust.require.minRsaBits} ${certificate.issuer.key}`
}
