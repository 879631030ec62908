/** One case in the form of shared/conformance/README.md, less its id and what is expected. */
export interface ConformanceInput {
  /** Base64 DER, as are all the others. */
  readonly leaf: string
  readonly intermediates: readonly string[]
  readonly anchors: readonly string[]
  readonly crls: readonly string[]
  readonly ocsp: readonly string[]
  readonly revocation: 'none' | 'crl' | 'ocsp'
  /** ISO 8601. */
  readonly time: string
  readonly purpose: 'clientAuth' | 'serverAuth' | 'any'
  readonly policies: {
    readonly initial: readonly string[]
    readonly requireExplicit: boolean
    readonly inhibitMapping: boolean
    readonly inhibitAny: boolean
  }
  readonly maxDepth: number | null
  readonly minRsaBits: number | null
}

export function validate(input: ConformanceInput): Promise<{ accepted: boolean; reason?: string }>
