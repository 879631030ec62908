/**
 * Every header by which a proxy hands over a client certificate (headers.md) or an authentication proxy
 * hands over a user, and those that Mattermost sets for its plugins: none of them is passed on.
 */
const names = new Set([
  'client-cert',
  'client-cert-chain',
  'x-client-verify',
  'x-client-dn',
  'x-forwarded-client-cert',
  'x-forwarded-tls-client-cert',
  'x-forwarded-tls-client-cert-info',
  'x-arr-clientcert',
  'x-apigateway-api-userinfo',
  'x-forwarded-user',
  'x-forwarded-email',
  'x-forwarded-groups',
  'x-forwarded-preferred-username',
  'x-forwarded-access-token',
  'x-remote-user',
  'x-remote-email',
  'x-remote-groups',
  'x-user',
  'x-username',
  'x-email',
  'remote-user',
  'remote-email',
  'remote-groups',
  'remote-name',
  'mattermost-user-id',
  'mattermost-plugin-id',
])

const prefixes = [
  'x-ssl-',
  'ssl-client-',
  'ssl-cert-',
  'x-client-cert',
  'x-amzn-mtls-',
  'x-amzn-oidc-',
  'cf-client-cert-',
  'cf-cert-',
  'cf-access-',
  'x-mattergate-',
  'x-auth-request-',
  'x-authentik-',
  'x-goog-authenticated-user-',
  'x-goog-iap-jwt-',
  'x-ms-client-principal',
  'x-pomerium-',
  'x-vouch-',
  'x-webauth-',
  'tailscale-user-',
  'x-tls-client-',
  'x-haproxy-ssl-',
]

/** `foldedName`: lower case, `_` as `-`. */
export function isIdentityHeader(foldedName: string): boolean {
  return names.has(foldedName) || prefixes.some((prefix) => foldedName.startsWith(prefix))
}
