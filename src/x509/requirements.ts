/** What a trust asks of a path, beside RFC 5280: `trust.require` of the configuration. */
export interface Requirements {
  /**
   * `if-stated`: an extended key usage of the leaf, where it has one, names clientAuth or
   * anyExtendedKeyUsage; `always`: it has one; `never`: neither it nor the key usage is looked at.
   */
  readonly clientAuth: 'if-stated' | 'always' | 'never'
  /** For every RSA key of the path, the anchor's too. */
  readonly minRsaBits: number
  /** Intermediates that are not self-issued; null: no limit. */
  readonly maxPathLength: number | null
}
