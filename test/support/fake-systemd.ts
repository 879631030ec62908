import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'

export interface FakeSystemd {
  readonly socket: string
  /** Each datagram, its lines joined by `|`. */
  readonly messages: readonly string[]
}

/** Node has no datagram sockets of the unix kind; perl is in every Debian. */
const receiver = `$| = 1; umask 0;
my $socket = IO::Socket::UNIX->new(Local => $ARGV[0], Type => SOCK_DGRAM) or die $!;
print "listening\\n";
while (defined $socket->recv(my $message, 4096)) { $message =~ s/\\n/|/g; print "$message\\n"; }`

/** Stands where systemd listens for sd_notify(3). */
export async function startFakeSystemd(t: Test): Promise<FakeSystemd> {
  const folder = mkdtempSync(join(tmpdir(), 'systemd-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const socket = join(folder, 'notify')
  const child = spawn('perl', ['-MSocket', '-MIO::Socket::UNIX', '-e', receiver, socket], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const messages: string[] = []
  const lines = createInterface(child.stdout)
  await once(lines, 'line')
  // The barrier by which systemd-notify waits until a message was read is a message too.
  lines.on('line', (line) => line.startsWith('BARRIER=1') || messages.push(line))
  return { socket, messages }
}
