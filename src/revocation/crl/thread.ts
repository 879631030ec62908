import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/** Workers lie beside this file, and are what this file is: compiled, or not. */
const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js'

/** What a worker of this folder reports of one order; it ends then. @throws what the worker throws */
export async function inThread<Report>(
  worker: './scan-worker' | './pem-worker',
  order: object,
): Promise<Report> {
  const thread = new Worker(new URL(worker + extension, import.meta.url), { workerData: order })
  try {
    const [report] = (await once(thread, 'message')) as [Report]
    return report
  } finally {
    await thread.terminate()
  }
}
