import { parentPort, workerData } from 'node:worker_threads'
import { pemBlocks } from './list-blocks.js'

/** A thread of its own for one long text: it ends when it has reported. */
parentPort?.postMessage(pemBlocks(workerData as Uint8Array))
