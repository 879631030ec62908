#!/usr/bin/env node
import { run } from './cli/run.js'

process.exitCode = await run(process.argv.slice(2), {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  interactive: process.stderr.isTTY,
  environment: process.env,
})
