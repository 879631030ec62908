import { Fault } from '../core/faults.js'

export function damagedStore(file: string, what: string): Fault {
  return new Fault(
    'ERR_STORE_DAMAGED',
    `${file} is damaged or not a store of mattergate: ${what}. Restore it from a copy, or remove it to begin anew: everyone is then signed in anew, and the memory of who is who is lost.`,
  )
}
