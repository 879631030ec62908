import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { Config } from './config/config.js'
import { type GateOptions, openFrontGate } from './front/create-gate.js'
import { decide, isUpgraded } from './front/decide.js'
import { ownAnswer } from './front/own-answers.js'
import { requestFacts } from './front/request-facts.js'
import { writeAnswer, writeRawAnswer } from './front/write-answer.js'
import type { Decision } from './gate/decision.js'

export interface CertificateGateOptions extends GateOptions {
  /** Of `loadConfig`, or a plain object of the YAML's shape. */
  readonly config: Config | object
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What the gate decided; null before it has. Routes are reached by allowed requests only. */
    decision: Decision | null
  }
}

/**
 * Every request of the application is decided before it is routed, whichever plugin its route stands in;
 * a refusal is answered here. The gate closes with the application.
 *
 * @throws ConfigError, while the application starts, for what the operator must mend
 */
const plugin: FastifyPluginAsync<CertificateGateOptions> = async (app, { config, ...options }) => {
  const front = await openFrontGate(config, options)
  app.decorateRequest('decision', null)
  app.addHook('onClose', () => front.close())
  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    const { raw } = request
    const decision = await decide(front.opened.gate, requestFacts(raw), isUpgraded(raw))
    request.decision = decision
    const answer = ownAnswer(decision, front.opened)
    if (answer === null) return
    reply.hijack()
    // Behind a websocket plugin there is a response object, and nobody who ends its connection.
    if (isUpgraded(raw)) writeRawAnswer(raw.socket, answer)
    else writeAnswer(raw, reply.raw, answer)
  })
}

export const certificateGate = fastifyPlugin(plugin, { name: 'mattergate', fastify: '5.x' })
