import { createSign, generateKeyPairSync } from 'node:crypto'

/** A certificate that nobody but itself vouches for, and its private key, both in PEM. */
export interface Certificate {
  readonly certificate: string
  readonly privateKey: string
}

/** For 127.0.0.1 and these names, from an hour ago until tomorrow (RFC 5280, with a key of P-256). */
export function selfSigned(names: readonly string[], nowMs: number): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(oid(ecdsaWithSha256))
  const subject = sequence(set(sequence(oid(commonName), der(0x0c, Buffer.from('roundelay test')))))
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    algorithm,
    subject,
    sequence(time(nowMs - hourMs), time(nowMs + 24 * hourMs)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(authority(), alternativeNames(names))),
  )
  const signature = createSign('sha256').update(body).sign(privateKey)
  const whole = sequence(body, algorithm, bits(signature))
  const lines = whole.toString('base64').replace(/(.{64})/g, '$1\n')
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

const hourMs = 3_600_000

/** Object identifiers, as DER holds them. */
const ecdsaWithSha256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]
const commonName = [0x55, 0x04, 0x03]
const basicConstraints = [0x55, 0x1d, 0x13]
const subjectAltName = [0x55, 0x1d, 0x11]

/** It vouches for itself. */
function authority(): Buffer {
  const isAuthority = der(0x01, Buffer.from([0xff]))
  return sequence(oid(basicConstraints), isAuthority, der(0x04, sequence(isAuthority)))
}

function alternativeNames(names: readonly string[]): Buffer {
  const address = der(0x87, Buffer.from([127, 0, 0, 1]))
  const all = [...names.map((name) => der(0x82, Buffer.from(name))), address]
  return sequence(oid(subjectAltName), der(0x04, sequence(...all)))
}

function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\.\d+|[-:T]/g, '')
  return der(0x18, Buffer.from(digits))
}

function oid(bytes: readonly number[]): Buffer {
  return der(0x06, Buffer.from(bytes))
}

/** None of the last byte's bits is unused. */
function bits(bytes: Buffer): Buffer {
  return der(0x03, Buffer.concat([Buffer.from([0]), bytes]))
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function set(...parts: readonly Buffer[]): Buffer {
  return der(0x31, Buffer.concat(parts))
}

function der(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag]), lengthOf(content), content])
}

/** Shorter than 128 bytes in one byte, else with two. */
function lengthOf({ length }: Buffer): Buffer {
  return length < 0x80 ? Buffer.from([length]) : Buffer.from([0x82, length >> 8, length & 0xff])
}
