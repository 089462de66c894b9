// What a certificate says: whom it is for, who vouches for that, how long, and the names that a
// client can log in by (RFC 5280). Any thread, pure; cold.
import { DER, type DerElement, derElements, derText, derTime, objectIdentifier } from './der.ts';
import { commonName, distinguishedName } from './distinguished-name.ts';

/** As the configuration calls them (ssl_cert_login_san_type). */
export type AlternativeNameType = 'dns' | 'ip' | 'email' | 'uri' | 'other_name';

export interface AlternativeName {
  readonly type: AlternativeNameType;
  readonly value: string;
}

export interface Certificate {
  readonly subject: string;
  readonly issuer: string;
  /** `2026-11-23T12:00:00Z`. */
  readonly notBefore: string;
  readonly notAfter: string;
  readonly commonName: string | undefined;
  readonly alternativeNames: readonly AlternativeName[];
}

const ALTERNATIVE_NAMES = '2.5.29.17';
/** Tags with a number in a context: primitive and constructed ones. */
const CONTEXT = 0x80;
const CONSTRUCTED = 0xa0;
const NAME_TAGS: Readonly<Record<number, AlternativeNameType>> = {
  [CONSTRUCTED]: 'other_name',
  [CONTEXT + 1]: 'email',
  [CONTEXT + 2]: 'dns',
  [CONTEXT + 6]: 'uri',
  [CONTEXT + 7]: 'ip',
};

/** `der`: as TLS and X509Certificate have it. Throws when it is no certificate. */
export function readCertificate(der: Uint8Array): Certificate {
  const [certificate] = derElements(der);
  const [signed] = derElements(certificate.content);
  const fields = derElements(signed.content);
  // The version comes first, except in the first version.
  if (fields[0].tag === CONSTRUCTED) fields.shift();
  const [, , issuer, validity, subject] = fields;
  const [notBefore, notAfter] = derElements(validity.content);
  return {
    subject: distinguishedName(subject),
    issuer: distinguishedName(issuer),
    notBefore: derTime(notBefore),
    notAfter: derTime(notAfter),
    commonName: commonName(subject),
    alternativeNames: alternativeNamesIn(fields.find(({ tag }) => tag === CONSTRUCTED + 3)),
  };
}

function alternativeNamesIn(extensions: DerElement | undefined): AlternativeName[] {
  if (extensions === undefined) return [];
  const [list] = derElements(extensions.content);
  for (const extension of derElements(list.content)) {
    const parts = derElements(extension.content);
    if (objectIdentifier(parts[0].content) !== ALTERNATIVE_NAMES) continue;
    // Between the two may stand whether it is critical.
    const value = parts.find(({ tag }) => tag === DER.octetString)!;
    const [names] = derElements(value.content);
    return derElements(names.content).flatMap((name) => {
      const type = NAME_TAGS[name.tag];
      return type === undefined ? [] : [{ type, value: nameText(type, name) }];
    });
  }
  return [];
}

function nameText(type: AlternativeNameType, { content }: DerElement): string {
  if (type === 'ip') return addressText(content);
  if (type !== 'other_name') return Buffer.from(content).toString('utf8');
  // A type, and a value of any kind in brackets of its own.
  const [, value] = derElements(content);
  return derText(derElements(value.content)[0]);
}

function addressText(content: Uint8Array): string {
  if (content.length === 4) return content.join('.');
  const groups = [];
  for (let at = 0; at + 1 < content.length; at += 2) {
    groups.push((content[at] * 256 + content[at + 1]).toString(16));
  }
  // The short form that everybody writes.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
