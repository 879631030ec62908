// RFC 5280 §6.1.3(d) to (f), §6.1.4(a), (b), (h) to (j), §6.1.5(g), by the graph of RFC 9618.
import { test } from 'tap'
import { Refusal } from '../../src/core/refusals.js'
import { contextPrimitive, integer, objectIdentifier, sequence } from '../../src/pki/der-writer.js'
import { certificatePolicies, type ExtensionOptions } from '../../src/pki/extensions.js'
import type { IssuedCertificate } from '../../src/pki/issue.js'
import { anyPolicy } from '../../src/x509/object-identifiers.js'
import type { PolicyRequirements } from '../../src/x509/policy-check.js'
import { anyPolicies, policiesOf } from '../../src/x509/requirements.js'
import { createTrustStore } from '../../src/x509/trust-store.js'
import { Verifier } from '../../src/x509/verifier.js'
import { makeCa, makeUser, testTimeMs } from '../support/certificates.js'

const [gold, silver, bronze] = ['1.2.3.1', '1.2.3.2', '1.2.3.3'] as const
const anchor = await makeCa('Anchor')

function mapping(...pairs: readonly (readonly [issuer: string, subject: string])[]): ExtensionOptions {
  const value = sequence(...pairs.map(([from, to]) => sequence(objectIdentifier(from), objectIdentifier(to))))
  return { type: '2.5.29.33', critical: true, value }
}

function constraints(explicit: number | null, inhibitMapping: number | null = null): ExtensionOptions {
  const fields = [explicit, inhibitMapping].flatMap((count, number) =>
    count === null ? [] : [contextPrimitive(number, integer(count).slice(2))],
  )
  return { type: '2.5.29.36', critical: true, value: sequence(...fields) }
}

function inhibitAny(skip: number): ExtensionOptions {
  return { type: '2.5.29.54', critical: true, value: integer(skip) }
}

/** Below the anchor a chain of authorities with these extensions each, then a leaf with the last. */
async function verdict(
  require: PolicyRequirements,
  ...chain: readonly (readonly ExtensionOptions[] | { readonly rollover: readonly ExtensionOptions[] })[]
): Promise<string> {
  let issuer: IssuedCertificate = anchor
  const above: IssuedCertificate[] = []
  for (const [at, step] of chain.slice(0, -1).entries()) {
    const [title, extensions] = 'rollover' in step ? [`Sub ${at - 1}`, step.rollover] : [`Sub ${at}`, step]
    issuer = await makeCa(title, { issuer, extensions })
    above.push(issuer)
  }
  const last = chain.at(-1)
  if (last === undefined || 'rollover' in last) throw new Error('a chain without a leaf')
  const leaf = await makeUser(issuer, { extensions: last })
  const anchors = { file: 'ca.pem', text: anchor.pem }
  const requirements = {
    clientAuth: 'if-stated',
    minRsaBits: 2048,
    maxPathLength: null,
    policies: require,
  } as const
  const store = createTrustStore([{ name: 'staff', anchors, intermediates: null, require: requirements }])
  const found = await new Verifier(store).verify(
    leaf.der,
    above.map(({ der }) => der),
    testTimeMs,
  )
  return found instanceof Refusal ? found.code : 'valid'
}

const policy = (...names: string[]) => certificatePolicies(names)
const refused = 'constraint_violated'

test('without a policy asked for, none is needed; with one, the whole path must have it', async (t) => {
  t.equal(await verdict(anyPolicies, [], []), 'valid')
  t.equal(await verdict(policiesOf([gold]), [policy(gold)], [policy(gold)]), 'valid')
  t.equal(await verdict(policiesOf([gold]), [policy(gold)], []), refused, 'the leaf has none')
  t.equal(await verdict(policiesOf([gold]), [], [policy(gold)]), refused, 'the authority has none')
  t.equal(await verdict(policiesOf([gold]), [policy(silver)], [policy(gold)]), refused)
  t.equal(await verdict(policiesOf([gold, silver]), [policy(gold, silver)], [policy(silver)]), 'valid')
  t.equal(await verdict(policiesOf([silver]), [policy(gold, silver)], [policy(gold)]), refused)
  t.equal(await verdict(policiesOf([gold]), [policy(gold, bronze)], [policy(gold, silver)]), 'valid')
})

test('a policy may be named by a UUID, whose arc is longer than most numbers', async (t) => {
  const uuid = '2.25.340282366920938463463374607431768211455'
  t.equal(await verdict(policiesOf([uuid]), [policy(uuid)], [policy(uuid)]), 'valid')
  t.equal(await verdict(policiesOf([uuid]), [policy(uuid)], [policy(uuid.replace(/5$/, '4'))]), refused)
})

test('anyPolicy stands for all, until it is inhibited', async (t) => {
  t.equal(await verdict(policiesOf([gold]), [policy(anyPolicy)], [policy(gold)]), 'valid')
  t.equal(await verdict(policiesOf([gold]), [policy(gold)], [policy(anyPolicy)]), 'valid')
  t.equal(await verdict(policiesOf([gold]), [policy(anyPolicy)], [policy(anyPolicy)]), 'valid')
  const inhibiting = { ...policiesOf([gold]), inhibitAny: true }
  t.equal(await verdict(inhibiting, [policy(anyPolicy)], [policy(gold)]), refused)
  t.equal(await verdict(inhibiting, [policy(gold)], [policy(gold)]), 'valid')
  t.equal(await verdict(policiesOf([gold]), [policy(gold), inhibitAny(0)], [policy(anyPolicy)]), refused)
  t.equal(await verdict(policiesOf([gold]), [policy(gold), inhibitAny(0)], [policy(gold)]), 'valid')
  const skipOne = [policy(gold), inhibitAny(1)]
  t.equal(await verdict(policiesOf([gold]), skipOne, [policy(anyPolicy)], [policy(gold)]), 'valid')
  t.equal(await verdict(policiesOf([gold]), skipOne, [policy(gold)], [policy(anyPolicy)]), refused)
  // A self-issued certificate is not counted, and anyPolicy in it counts still.
  const rollover = { rollover: [policy(anyPolicy)] }
  t.equal(await verdict(policiesOf([gold]), [policy(gold), inhibitAny(0)], rollover, [policy(gold)]), 'valid')
})

test('an authority may ask for a policy, from some certificate on', async (t) => {
  t.equal(await verdict(anyPolicies, [policy(gold), constraints(0)], [policy(gold)]), 'valid')
  t.equal(await verdict(anyPolicies, [policy(gold), constraints(0)], []), refused)
  t.equal(await verdict(anyPolicies, [policy(gold), constraints(2)], []), 'valid', 'not reached yet')
  t.equal(await verdict(anyPolicies, [policy(gold), constraints(1)], [], []), refused)
  t.equal(
    await verdict(anyPolicies, [policy(gold)], [policy(gold), constraints(0)]),
    'valid',
    'in the leaf itself',
  )
  t.equal(await verdict(anyPolicies, [policy(gold)], [policy(silver), constraints(0)]), refused)
  t.equal(await verdict({ ...anyPolicies, explicit: true }, [policy(gold)], [policy(gold)]), 'valid')
  t.equal(await verdict({ ...anyPolicies, explicit: true }, [policy(gold)], [policy(silver)]), refused)
})

test("a mapped policy counts under the name that it has in the anchor's domain", async (t) => {
  const maps = [policy(gold), mapping([gold, silver])]
  t.equal(await verdict(policiesOf([gold]), maps, [policy(silver)]), 'valid')
  t.equal(await verdict(policiesOf([silver]), maps, [policy(silver)]), refused)
  t.equal(await verdict(policiesOf([gold]), maps, [policy(gold)]), refused)
  const toBoth = [policy(gold), mapping([gold, silver], [gold, bronze])]
  t.equal(await verdict(policiesOf([gold]), toBoth, [policy(bronze)]), 'valid')
  const fromAny = [policy(anyPolicy), mapping([gold, silver])]
  t.equal(await verdict(policiesOf([gold]), fromAny, [policy(silver)]), 'valid')
  t.equal(
    await verdict(policiesOf([bronze]), fromAny, [policy(bronze)]),
    'valid',
    'what is not mapped goes on',
  )
  t.equal(
    await verdict(policiesOf([gold]), maps, [policy(silver), mapping([silver, bronze])], [policy(bronze)]),
    'valid',
  )
  t.equal(await verdict({ ...policiesOf([gold]), inhibitMapping: true }, maps, [policy(silver)]), refused)
  const inhibiting = [policy(gold), constraints(null, 0)]
  t.equal(await verdict(policiesOf([gold]), inhibiting, maps, [policy(silver)]), refused)
  t.equal(await verdict(policiesOf([gold]), inhibiting, [policy(gold)], [policy(gold)]), 'valid')
  const later = [policy(gold), constraints(null, 1)]
  t.equal(await verdict(policiesOf([gold]), later, maps, [policy(silver)]), 'valid')
})

test('a path of many mappings costs no more than it is long', async (t) => {
  const names = Array.from({ length: 12 }, (_none, at) => `1.2.3.${at + 10}`)
  const everything = names.flatMap((from) => names.map((to) => [from, to] as const))
  const step = [policy(...names), mapping(...everything)]
  t.equal(
    await verdict(policiesOf([names[0] ?? '']), ...Array.from({ length: 10 }, () => step), [
      policy(...names),
    ]),
    'valid',
  )
  t.equal(
    await verdict(policiesOf([gold]), ...Array.from({ length: 10 }, () => step), [policy(...names)]),
    refused,
  )
})

test('constraints that say nothing make no authority', async (t) => {
  t.equal(await verdict(anyPolicies, [constraints(null)], []), 'chain_untrusted')
  const negative = {
    type: '2.5.29.36',
    critical: true,
    value: sequence(contextPrimitive(0, Uint8Array.of(0xff))),
  }
  t.equal(await verdict(anyPolicies, [negative], []), 'chain_untrusted')
  const padded = {
    type: '2.5.29.36',
    critical: true,
    value: sequence(contextPrimitive(0, Uint8Array.of(0, 1))),
  }
  t.equal(await verdict(anyPolicies, [padded], []), 'chain_untrusted')
})
