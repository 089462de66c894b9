// Password hashes as RabbitMQ keeps and exports them, so that definitions move between brokers:
//
//     base64( salt [4] | hash(salt | UTF-8 password) )      hash: SHA-256 (default) or SHA-512
//
// Main thread; pure but for the salt, which the caller may give. Comparing takes the same time
// wherever the hashes differ. Source: RabbitMQ docs, "Passwords"; rabbit_password.erl.
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

export type HashingAlgorithm = 'sha256' | 'sha512';

const SALT_BYTES = 4;
const HASH_BYTES: Readonly<Record<HashingAlgorithm, number>> = { sha256: 32, sha512: 64 };

export function hashPassword(
  password: string | Uint8Array,
  algorithm: HashingAlgorithm = 'sha256',
  salt: Uint8Array = randomBytes(SALT_BYTES),
): string {
  return Buffer.concat([salt, saltedHash(password, algorithm, salt)]).toString('base64');
}

/** False for a wrong password, and for a hash that is none (an empty one bars every login). */
export function verifyPassword(
  password: string | Uint8Array,
  passwordHash: string,
  algorithm: HashingAlgorithm,
): boolean {
  const salted = Buffer.from(passwordHash, 'base64');
  if (salted.length !== SALT_BYTES + HASH_BYTES[algorithm]) return false;
  const salt = salted.subarray(0, SALT_BYTES);
  return timingSafeEqual(salted.subarray(SALT_BYTES), saltedHash(password, algorithm, salt));
}

function saltedHash(
  password: string | Uint8Array,
  algorithm: HashingAlgorithm,
  salt: Uint8Array,
): Buffer {
  return createHash(algorithm).update(salt).update(password).digest();
}
