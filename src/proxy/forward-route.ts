import { METHODS } from 'node:http'
import httpProxy from '@fastify/http-proxy'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Allowed } from '../gate/decision.js'
import type { HttpForwarder } from './http-forwarder.js'

export interface ForwardingOptions {
  /** `mattermost.url`. */
  readonly upstream: string
  readonly forwarder: HttpForwarder
  /** The gate's decision on this request; throws where there is none. */
  readonly decisionOf: (request: FastifyRequest) => Allowed
}

/** Tunnels and echoes are not for a gateway: 405. */
const refusedMethods = new Set(['CONNECT', 'TRACE'])
const forwardedMethods = METHODS.filter((method) => !refusedMethods.has(method))

/**
 * Routes every path and method to the forwarder. It acts in `onRequest`, after the gate's own hook and
 * before Fastify looks at the body, its type or its size: what passes the gate is forwarded as it came.
 */
export async function registerForwarding(app: FastifyInstance, options: ForwardingOptions): Promise<void> {
  for (const method of forwardedMethods) {
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true })
  }
  const forward = (request: FastifyRequest, reply: FastifyReply): void => {
    const decision = options.decisionOf(request)
    reply.hijack()
    options.forwarder.forward(request.raw, reply.raw, decision)
  }
  await app.register(async (scope) => {
    scope.addHook('onRequest', (request, reply) => forward(request, reply))
    await scope.register(httpProxy, {
      upstream: options.upstream,
      httpMethods: forwardedMethods,
      websocket: false,
      // The hook above leaves nothing to it; without it the proxy would forward past the forwarder.
      handler: forward,
    })
  })
}
