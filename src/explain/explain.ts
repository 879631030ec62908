import type { Clock } from '../core/clock.js'
import { Refusal, type RefusalCode, refusalTexts, type Stage } from '../core/refusals.js'
import type { Judge } from '../gate/judge.js'
import type { Verdict } from '../gate/verdict.js'
import type { Identity } from '../identity/identity.js'
import type { DecodedCertificate } from '../intake/facts.js'
import type { Directory } from '../mattermost/directory.js'
import type { MattermostUser } from '../mattermost/user.js'
import type { DenyList } from '../revocation/deny-list/deny-list.js'
import { describeCertificate } from '../x509/describe.js'
import type { CertificateFacts, VerifiedCertificate } from '../x509/verified-certificate.js'
import { type ExplainedPaths, explainPaths, explainStatus } from './explain-paths.js'

/** The stages that a certificate by itself goes through, in the order in which causes are named. */
const certificateStages = [
  'certificate',
  'path',
  'time',
  'usage',
  'key',
  'revocation',
  'identity',
  'policy',
  'account',
  'session',
] as const satisfies readonly Stage[]

type ExplainedStage = (typeof certificateStages)[number]

export interface StageReport {
  readonly stage: ExplainedStage
  readonly outcome: 'ok' | 'refuse' | 'not reached' | 'not asked'
  readonly text: string
}

export interface Explanation extends ExplainedPaths {
  readonly decision: 'allow' | 'refuse'
  readonly code?: RefusalCode
  readonly message?: string
  readonly remedy?: string
  readonly detail?: string
  /** Of the certificate; left out where it cannot be read. */
  readonly sha256?: string
  readonly identity?: Pick<Identity, 'rule' | 'match' | 'value'>
  readonly user?: Pick<MattermostUser, 'id' | 'username'>
  readonly stages: readonly StageReport[]
}

export interface ExplainOptions {
  readonly judge: Judge
  /** Null: accounts are not looked up (`--offline`, or none configured). */
  readonly directory: Directory | null
  readonly denyList: DenyList | null
  /** The driver that would sign the user in. */
  readonly signIn: string
  readonly clock: Clock
}

/** What would happen to this certificate, stage by stage, and why. Changes nothing anywhere. */
export async function explain(
  certificate: DecodedCertificate,
  options: ExplainOptions,
): Promise<Explanation> {
  const { judge, clock } = options
  // One moment for both: what a responder would not tell the judge is not asked for again.
  const atMs = clock.now()
  const verdict = await judge.judgeCertificate({
    // Of all that came: the same leaf with its issuers beside it is judged by itself.
    key: [certificate.leaf, ...certificate.chain].map((der) => Buffer.from(der).toString('base64')).join(' '),
    subject: null,
    decode: () => certificate,
  })
  const examined = await judge.examine(certificate, atMs)
  const nowMs = clock.now()
  const outcome = await follow(verdict, describeCertificate(certificate.leaf), { ...options, nowMs })
  return { ...outcome, ...explainPaths(examined, nowMs) }
}

type Outcome = Omit<Explanation, keyof ExplainedPaths>

/** From the verdict to the account, as the gate goes on. */
async function follow(
  verdict: Verdict,
  described: CertificateFacts | Refusal,
  options: ExplainOptions & { readonly nowMs: number },
): Promise<Outcome> {
  const texts = verdictTexts(verdict, described, options.nowMs)
  const known = knownOf(verdict, described)
  if (!verdict.accepted) return { ...known, ...explained(verdict.refusal, texts) }
  if (options.directory === null || verdict.holder === null) {
    const notAsked = { account: 'not looked up', session: 'not looked up' }
    return { ...known, ...explained(null, { ...texts, ...notAsked }, ['account', 'session']) }
  }
  const user = await options.directory.find(verdict.holder.identity)
  if (user instanceof Refusal) return { ...known, ...explained(user, texts) }
  const { id, username, email } = user
  const withUser = { ...known, user: { id, username } }
  const denied = options.denyList?.nameRefusal({ usernames: [username], emails: [email] }) ?? null
  if (denied !== null) return { ...withUser, ...explained(denied, texts) }
  return { ...withUser, ...explained(null, { ...texts, ...accountTexts(user, options.signIn) }) }
}

function knownOf(
  verdict: Verdict,
  described: CertificateFacts | Refusal,
): Pick<Explanation, 'sha256' | 'identity'> {
  const identity = (verdict.accepted ? verdict.holder : verdict)?.identity ?? null
  return {
    ...(described instanceof Refusal ? {} : { sha256: described.sha256 }),
    ...(identity === null
      ? {}
      : { identity: { rule: identity.rule, match: identity.match, value: identity.value } }),
  }
}

type Texts = Partial<Record<ExplainedStage, string>>

/** What holds wherever a later stage was reached. */
const whereReached: Texts = {
  usage: 'usage and constraints hold along the path',
  key: 'keys and signature algorithms are accepted',
}

function verdictTexts(verdict: Verdict, described: CertificateFacts | Refusal, nowMs: number): Texts {
  const holder = verdict.accepted ? verdict.holder : verdict
  const certificate = holder?.certificate ?? null
  const identity = holder?.identity ?? null
  return {
    ...whereReached,
    ...(described instanceof Refusal ? {} : readTexts(described)),
    ...(certificate === null ? {} : pathTexts(certificate, nowMs)),
    ...(identity === null ? {} : identityTexts(identity)),
  }
}

function readTexts(facts: CertificateFacts): Texts {
  return {
    certificate: `${facts.subject}, serial ${facts.serial}, issued by ${facts.issuer}`,
    time: `valid from ${new Date(facts.notBefore).toISOString()} until ${new Date(facts.notAfter).toISOString()}`,
  }
}

function pathTexts(certificate: VerifiedCertificate, nowMs: number): Texts {
  return {
    path: `trust ${certificate.trust}: ${certificate.path.join(' <- ')}`,
    revocation: revocationText(certificate, nowMs),
  }
}

function revocationText({ findings }: VerifiedCertificate, nowMs: number): string {
  if (findings.length === 0) return 'not checked (revocation.mode is none)'
  return findings
    .map((finding) => {
      const { subject, status, source, thisUpdate, age, detail } = explainStatus(finding, nowMs)
      const by = source === null ? '' : ` by ${source}`
      const of = thisUpdate === null ? '' : ` of ${thisUpdate}, ${age ?? ''}`
      return `${subject}: ${status}${by}${of}${detail === null ? '' : ` (${detail})`}`
    })
    .join('; ')
}

function identityTexts(identity: Identity): Texts {
  return {
    identity: `${identity.rule} gives the ${identity.match} ${identity.value}`,
    policy: 'allowed by trust.allow, and not on the deny list',
  }
}

function accountTexts(user: MattermostUser, signIn: string): Texts {
  return {
    account: `${user.username} (${user.id}), active`,
    session: `would be signed in by ${signIn}`,
  }
}

function explained(refusal: Refusal | null, texts: Texts, notAsked: readonly ExplainedStage[] = []): Outcome {
  const failedAt = refusal === null ? -1 : certificateStages.findIndex((stage) => stage === refusal.stage)
  const reports = certificateStages.map((stage, at): StageReport => {
    if (notAsked.includes(stage)) return { stage, outcome: 'not asked', text: texts[stage] ?? '' }
    if (refusal === null || at < failedAt) return { stage, outcome: 'ok', text: texts[stage] ?? '' }
    if (at > failedAt) return { stage, outcome: 'not reached', text: '' }
    return { stage, outcome: 'refuse', text: refusal.detail ?? refusalTexts[refusal.code].message }
  })
  if (refusal === null) return { decision: 'allow', stages: reports }
  return {
    decision: 'refuse',
    code: refusal.code,
    message: refusal.message,
    remedy: refusal.remedy,
    ...(refusal.detail === undefined ? {} : { detail: refusal.detail }),
    stages: reports,
  }
}
