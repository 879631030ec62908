import type { MenderLoss } from '../../src/server/multiline-framing.js'

export const options = { certificateHeader: 'X-SSL-Client-Cert', maxHeaderBytes: 8_192 }

const base64 = ['MIICkjCC+XoCAQEw/QYJKoZIhvcNAQELBQAwDTELMAkGA1UEAwwCY2EwHhcNMjYx', 'AAEw+9/sXlpA==']
export const pem = `-----BEGIN CERTIFICATE-----\n${base64.join('\n')}\n-----END CERTIFICATE-----\n`
/** As nginx sends `$ssl_client_cert`, and `$ssl_client_escaped_cert`. */
export const multiline = pem.slice(0, -1).replaceAll('\n', '\n\t')
export const escaped = encodeURIComponent(pem)

export const withCertificate = (value: string, rest = '') =>
  `GET /x?y=1 HTTP/1.1\r\nX-SSL-Client-Cert: ${value}\r\nHost: a\r\n${rest}\r\n`

export const chunked = (cert: string) =>
  `POST /c HTTP/1.1\r\nx-ssl-CLIENT-cert:\t${cert}\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n` +
  'a;x="y z"\r\nX-SSL-Clie\r\n5\r\nab\r\n\0\r\n0\r\nTrailer-A: b\r\n\r\n'

export const lengthy = (cert: string) => {
  const body = `X-SSL-Client-Cert: ${multiline}\r\n\r\n`
  return `PUT /b HTTP/1.1\r\nHost: a\r\nX-SSL-Client-Cert:${cert}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

/** Requests that must not get through, each with what the mender says. */
export const refused: Readonly<Record<string, readonly [string, MenderLoss]>> = {
  'LF SPACE instead of LF TAB': [withCertificate(multiline.replace('\n\t', '\n ')), 'header_line'],
  'LF SPACE between base64 lines': [withCertificate(multiline.replace('x\n\t', 'x\n ')), 'certificate_form'],
  'bare LF inside the certificate': [withCertificate(pem.slice(0, -1)), 'header_line'],
  'CR LF TAB inside the certificate': [withCertificate(multiline.replaceAll('\n', '\r\n')), 'header_folded'],
  'an empty line in the PEM': [withCertificate(multiline.replace('\n\t', '\n\t\n\t')), 'certificate_form'],
  'a line feed behind the PEM': [withCertificate(`${multiline}\n\t`), 'certificate_form'],
  'a blank behind the PEM': [withCertificate(`${multiline} `), 'certificate_form'],
  'a header hidden in the PEM': [
    withCertificate(multiline.replace('Ew', 'Ew\r\nHost: b')),
    'certificate_form',
  ],
  'no end of the PEM': [withCertificate(multiline.slice(0, -26)), 'certificate_form'],
  'two PEMs in one header': [withCertificate(`${multiline}\n\t${multiline}`), 'certificate_form'],
  'a private key': [withCertificate(multiline.replaceAll('CERTIFICATE', 'PRIVATE KEY')), 'header_line'],
  'a second certificate header': [
    withCertificate(multiline, `x-ssl-client-cert: ${multiline}\r\n`),
    'certificate_duplicated',
  ],
  'a second certificate header that is escaped': [
    withCertificate(escaped, `X-SSL-Client-Cert: ${escaped}\r\n`),
    'certificate_duplicated',
  ],
  'an empty second certificate header': [
    withCertificate(multiline, 'X-SSL-Client-Cert:\r\n'),
    'certificate_duplicated',
  ],
  'a multi-line value elsewhere': [
    `GET / HTTP/1.1\r\nHost: a\r\nX-Other: ${multiline}\r\n\r\n`,
    'header_line',
  ],
  'folding elsewhere': [withCertificate(multiline, 'X-Other: a\r\n\tb\r\n'), 'header_folded'],
  'folding of the certificate': [withCertificate(`${escaped}\r\n a`), 'header_folded'],
  'Content-Length and Transfer-Encoding': [
    withCertificate(multiline, 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'),
    'transfer_encoding',
  ],
  'Transfer-Encoding and Content-Length': [
    withCertificate(multiline, 'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n'),
    'content_length',
  ],
  'two Content-Lengths': [
    withCertificate(multiline, 'Content-Length: 5\r\nContent-Length: 5\r\n'),
    'content_length',
  ],
  'two lengths in one header': [withCertificate(multiline, 'Content-Length: 5, 5\r\n'), 'content_length'],
  'a signed length': [withCertificate(multiline, 'Content-Length: +5\r\n'), 'content_length'],
  'an empty length': [withCertificate(multiline, 'Content-Length:\r\n'), 'content_length'],
  'an immense length': [
    withCertificate(multiline, `Content-Length: ${'9'.repeat(30)}\r\n`),
    'content_length',
  ],
  'an unknown coding': [withCertificate(multiline, 'Transfer-Encoding: xchunked\r\n'), 'transfer_encoding'],
  'chunked twice': [
    withCertificate(multiline, 'Transfer-Encoding: chunked, chunked\r\n'),
    'transfer_encoding',
  ],
  'chunked before the last': [
    withCertificate(multiline, 'Transfer-Encoding: chunked, gzip\r\n'),
    'transfer_encoding',
  ],
  'a vertical tab before chunked': [
    withCertificate(multiline, 'Transfer-Encoding: \x0bchunked\r\n'),
    'header_line',
  ],
  'a blank before the colon': [withCertificate(multiline, 'Transfer-Encoding : chunked\r\n'), 'header_line'],
  'a header without a name': [withCertificate(multiline, ': a\r\n'), 'header_line'],
  'a header without a colon': [withCertificate(multiline, 'abc\r\n'), 'header_line'],
  'bare LF after a header': [withCertificate(multiline).replace('Host: a\r\n', 'Host: a\n'), 'header_line'],
  'bare LF as the empty line': [withCertificate(multiline).replace(/\r\n$/, '\n'), 'header_line'],
  'bare CR in a value': [withCertificate(multiline, 'X-Other: a\rb: c\r\n'), 'header_line'],
  'NUL in a value': [withCertificate(multiline, 'X-Other: a\0b\r\n'), 'header_line'],
  'NUL in a name': [withCertificate(multiline, 'X-\0Other: ab\r\n'), 'header_line'],
  'a line feed after the request line': [
    withCertificate(multiline).replace('1.1\r\n', '1.1\n'),
    'request_line',
  ],
  'no version': ['GET /\r\n\r\n', 'request_line'],
  'another version': ['GET / HTTP/2.0\r\n\r\n', 'request_line'],
  'the preface of HTTP/2': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'request_line'],
  'a blank in the target': ['GET /a b HTTP/1.1\r\n\r\n', 'request_line'],
  'two blanks in the request line': ['GET  / HTTP/1.1\r\n\r\n', 'request_line'],
  'a TLS hello': ['\x16\x03\x01\x02\0\x01', 'request_line'],
  'a half upgrade': [
    withCertificate(multiline, 'Upgrade: websocket\r\nConnection: upgrade\tfoo\r\n'),
    'upgrade',
  ],
  'a tab behind the upgrade': [
    withCertificate(multiline, 'Upgrade: websocket\r\nConnection: upgrade\t\r\n'),
    'upgrade',
  ],
  'an empty upgrade': [withCertificate(multiline, 'Connection: upgrade\r\nUpgrade:\r\n'), 'upgrade'],
  'a head over its bound': [
    withCertificate(multiline, `X-Other: ${'a'.repeat(9_000)}\r\n`),
    'header_too_large',
  ],
  'a head of many lines over its bound': [
    withCertificate(multiline, 'a:\r\n'.repeat(3_000)),
    'header_too_large',
  ],
  'a certificate over the bound': [
    withCertificate(multiline.replace('AAEw', '/'.repeat(3_000))),
    'header_too_large',
  ],
  'a chunk size of no digits': [`${chunked(multiline).split('a;x')[0] ?? ''}\r\n`, 'chunk'],
  'a signed chunk size': [`${chunked(multiline).split('a;x')[0] ?? ''}-5\r\n`, 'chunk'],
  'an immense chunk size': [`${chunked(multiline).split('a;x')[0] ?? ''}${'f'.repeat(17)}\r\n`, 'chunk'],
  'a blank behind the chunk size': [`${chunked(multiline).split('a;x')[0] ?? ''}5 \r\n`, 'chunk'],
  'bare LF behind the chunk size': [`${chunked(multiline).split('a;x')[0] ?? ''}5\nhello\r\n`, 'chunk'],
  'bare LF in a chunk extension': [`${chunked(multiline).split('a;x')[0] ?? ''}5;a\nb\r\n`, 'chunk'],
  'a chunk longer than it says': [`${chunked(multiline).split('a;x')[0] ?? ''}5\r\nhello!\r\n`, 'chunk'],
  'bare LF behind a chunk': [`${chunked(multiline).split('a;x')[0] ?? ''}5\r\nhello\n0\r\n\r\n`, 'chunk'],
  'a certificate among the trailers': [
    chunked(multiline).replace('Trailer-A: b', `X-SSL-Client-Cert: ${multiline}`),
    'trailer',
  ],
  'a length among the trailers': [chunked(multiline).replace('Trailer-A', 'Content-Length'), 'trailer'],
}
