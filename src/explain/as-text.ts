import type { Explanation, StageReport } from './explain.js'
import type { ExplainedPath, ExplainedStatus } from './explain-paths.js'
import { fold } from './fold.js'

const columns = 80
const stageWidth = 12
const markWidth = 9
const textStart = stageWidth + markWidth + 2

const marks = { ok: 'ok', refuse: 'REFUSE', 'not reached': '-', 'not asked': 'not asked' }

/** For people: a block for each stage, then the decision. */
export function asText(explanation: Explanation): string {
  const rows = explanation.stages.flatMap((report) =>
    row(report.stage, marks[report.outcome], linesOf(report, explanation)),
  )
  return `${[...rows, ...decisionLines(explanation)].join('\n')}\n`
}

function row(stage: string, mark: string, lines: readonly string[]): readonly string[] {
  const head = `${stage.padEnd(stageWidth)} ${mark.padEnd(markWidth)} `
  const folded = lines.flatMap((line) => fold(line, columns - textStart))
  return folded.map((line, at) => `${at === 0 ? head : ' '.repeat(textStart)}${line}`.trimEnd())
}

function linesOf(report: StageReport, explanation: Explanation): readonly string[] {
  if (report.outcome === 'not reached' || report.outcome === 'not asked') return [report.text]
  if (report.stage === 'path') return pathLines(report, explanation)
  if (report.stage === 'revocation') return revocationLines(report, explanation)
  return [report.text]
}

function pathLines({ outcome, text }: StageReport, { paths, ...cut }: Explanation): readonly string[] {
  const said = outcome === 'refuse' ? [text] : []
  const built = paths.find(({ refusal }) => refusal === null)
  if (built !== undefined) return [...said, `trust ${built.trust}`, ...chainLines(built)]
  const number = `${cut.pathsCut ? 'More than ' : ''}${paths.length}`
  const count = paths.length > 1 ? [`${number} paths were tried, and none will do:`] : []
  const listed = paths.flatMap((path, at) =>
    paths.length > 1
      ? [`${at + 1}. trust ${path.trust}`, ...candidateLines(path).map((line) => `   ${line}`)]
      : [`trust ${path.trust}`, ...candidateLines(path)],
  )
  return [
    ...said,
    ...count,
    ...listed,
    ...(cut.pathsCut ? ['The others are not listed.'] : []),
    ...(cut.searchCut ? ['The search was cut: there are more ways to go.'] : []),
  ]
}

function candidateLines(path: ExplainedPath): readonly string[] {
  const { code, detail } = path.refusal ?? { code: '', detail: null }
  return [...chainLines(path), `fails: ${code}`, ...(detail === null ? [] : [`  ${detail}`])]
}

function chainLines({ certificates, anchor }: ExplainedPath): readonly string[] {
  const below = certificates.map(({ subject }, at) => (at === 0 ? subject : `<- ${subject}`))
  return anchor === null ? below : [...below, `<- ${anchor.subject} (anchor)`]
}

function revocationLines({ outcome, text }: StageReport, { paths }: Explanation): readonly string[] {
  const built = paths.find(({ refusal }) => refusal === null)
  const asked = paths.filter((path) => path.revocation.length > 0 && (built ?? path) === path)
  const found = asked.flatMap((path) => [
    ...(asked.length > 1 ? [`path ${paths.indexOf(path) + 1}`] : []),
    ...path.revocation.flatMap(statusLines),
  ])
  // Where revocation refuses the path itself, the findings say why; the deny list is not among them.
  const isSaid = found.length > 0 && (outcome === 'ok' || built === undefined)
  return isSaid ? found : [text, ...found]
}

function statusLines({
  subject,
  status,
  source,
  thisUpdate,
  age,
  detail,
}: ExplainedStatus): readonly string[] {
  return [
    subject,
    `  ${status}${source === null ? '' : ` by ${source}`}`,
    ...(thisUpdate === null ? [] : [`  ${age ?? ''}, of ${thisUpdate}`]),
    ...(detail === null ? [] : [`  ${detail}`]),
  ]
}

function decisionLines({ code, message, remedy }: Explanation): readonly string[] {
  const head = 'decision'.padEnd(stageWidth)
  if (code === undefined) return [`${head} allow`]
  const said = [message ?? '', remedy ?? ''].flatMap((line) => fold(line, columns - stageWidth - 1))
  return [`${head} refuse: ${code}`, ...said.map((line) => `${' '.repeat(stageWidth)} ${line}`)]
}
