import { printable } from '../audit/printable.js'
import type { Explanation } from './explain.js'
import type { ExplainedAll, NamedExplanation } from './explain-all.js'
import { fold } from './fold.js'

const columns = 80
/** A longer name pushes what follows it to the right. */
const widestName = 24

/** For people: a line for each certificate, its reason going on below it, then who shares an account. */
export function allAsText({ explained, collisions }: ExplainedAll): string {
  const names = explained.map(({ name }) => printable(name))
  const width = Math.min(widestName, Math.max(...names.map(({ length }) => length)))
  const lines = explained.flatMap(({ explanation }, at) =>
    beside((names[at] ?? '').padEnd(width), outcomeOf(explanation)),
  )
  const shared = collisions.flatMap((collision) =>
    fold(`${collision.account} is reached by ${collision.names.join(', ')}`, columns),
  )
  const letIn = explained.filter(isLetIn).length
  const sum = `${letIn} would be let in, ${explained.length - letIn} would not`
  return `${[...lines, '', ...shared, ...(shared.length > 0 ? [''] : []), sum].join('\n')}\n`
}

export function isLetIn({ explanation }: NamedExplanation): boolean {
  return typeof explanation !== 'string' && explanation.decision === 'allow'
}

function beside(name: string, text: string): readonly string[] {
  const [first = '', ...more] = fold(text, columns - name.length - 2)
  return [`${name}  ${first}`, ...more.map((line) => `${' '.repeat(name.length + 2)}${line}`)]
}

function outcomeOf(explanation: Explanation | string): string {
  if (typeof explanation === 'string') return `unreadable: ${explanation}`
  const { decision, user, identity, code, detail } = explanation
  if (decision === 'allow') return `allow   ${user?.username ?? identity?.value ?? ''}`
  return `refuse  ${code ?? ''}${detail === undefined ? '' : `: ${detail}`}`
}
