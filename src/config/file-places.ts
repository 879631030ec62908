import { resolve } from 'node:path'

const credentialPrefix = 'credential:'

/** Where systemd puts a system service's credentials (systemd.exec(5), LoadCredential=). */
const serviceCredentials = '/run/credentials/mattergate.service'

/** Turns what the configuration calls a file into an absolute path. */
export class FilePlaces {
  readonly #baseDirectory: string
  readonly #credentialsDirectory: string | null

  constructor(baseDirectory: string, credentialsDirectory: string | undefined) {
    this.#baseDirectory = resolve(baseDirectory)
    // systemd's variable is set and absolute, or not set; an empty one is not a place.
    this.#credentialsDirectory =
      credentialsDirectory === undefined || credentialsDirectory === '' ? null : credentialsDirectory
  }

  /** Relative paths are relative to the configuration file. */
  absolute(path: string): string {
    const name = credentialName(path)
    if (name === null) return resolve(this.#baseDirectory, path)
    return resolve(this.#credentialsDirectory ?? serviceCredentials, name)
  }

  /** False for a credential that only the running service can see. */
  isVisible(path: string): boolean {
    return credentialName(path) === null || this.#credentialsDirectory !== null
  }
}

/** NAME of `credential:NAME`; null for a plain path. */
export function credentialName(path: string): string | null {
  return path.startsWith(credentialPrefix) ? path.slice(credentialPrefix.length) : null
}

/** What systemd takes for a credential's name: one file name. */
export function isCredentialName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,255}$/.test(name) && name !== '.' && name !== '..'
}
