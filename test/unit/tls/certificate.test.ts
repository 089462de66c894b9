// What is read from certificates: names as RabbitMQ writes them, for users are called so.
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Certificate, readCertificate } from '../../../src/tls/certificate.ts';
import { derElements, derText, derTime, objectIdentifier } from '../../../src/tls/der.ts';
import { loginName } from '../../../src/tls/login-name.ts';
import { describeWithCertificates, type KeyPair } from '../../support/certificates.ts';

function read({ certFile }: KeyPair): Certificate {
  return readCertificate(new X509Certificate(fs.readFileSync(certFile)).raw);
}

describeWithCertificates('a certificate', (certificates) => {
  it.each([
    ['/C=CH/O=Example/CN=client', 'CN=client,O=Example,C=CH'],
    ['/O=Example, Inc./CN=a\\+b', 'CN=a\\+b,O=Example\\, Inc.'],
    ['/CN= x /OU=#1;<2>"3"', 'OU=\\#1\\;\\<2\\>\\"3\\",CN=\\ x\\ '],
    ['/CN=back\\\\slash', 'CN=back\\\\slash'],
    ['/CN=Zoë~', 'CN=Zo\\C3\\AB\\7E'],
    ['/DC=org/DC=example/UID=u', 'UID=u,DC=example,DC=org'],
    [
      '/emailAddress=a@b.c/SN=x/GN=y/serialNumber=1',
      'SERIALNUMBER=1,GIVENNAME=y,SN=x,EMAILADDRESS=a@b.c',
    ],
    ['/CN=one/CN=two', 'CN=two,CN=one'],
    ['/CN=a+OU=b', 'CN=a+OU=b'],
    ['/description=own', '2.5.4.13=own'],
  ])('of %s is for %s', (subject, expected) => {
    const { subject: found, issuer } = read(certificates.sign({ subject }));
    expect(found.split('+').sort()).toEqual(expected.split('+').sort());
    expect(issuer).toBe('CN=authority,O=WarrenMQ tests');
  });

  it('has a time', () => {
    const { notBefore, notAfter } = read(certificates.sign({ days: 10 }));
    expect(notBefore).toMatch(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/u);
    expect(Date.parse(notAfter) - Date.parse(notBefore)).toBe(10 * 86_400_000);
    // Beyond 2049 it is written in another way.
    expect(read(certificates.sign({ days: 20_000 })).notAfter).toMatch(/^20[5-9]\d-/u);
  });

  it('names its owner in ways that can be chosen from', () => {
    const alternativeNames =
      'DNS:a.example,DNS:b.example,email:c@example,URI:urn:d,IP:10.0.0.1,IP:2001:db8::1,' +
      'otherName:1.3.6.1.4.1.311.20.2.3;UTF8:e@example';
    const certificate = read(certificates.sign({ subject: '/CN=x/CN=y', alternativeNames }));
    const name = (from: string, type = 'dns', index = 0) =>
      loginName(certificate, {
        sslCertLoginFrom: from as 'common_name',
        sslCertLoginSanType: type as 'dns',
        sslCertLoginSanIndex: index,
      });
    expect(name('distinguished_name')).toBe('CN=y,CN=x');
    expect(name('common_name')).toBe('x,y');
    const san = 'subject_alternative_name';
    expect(name(san)).toBe('a.example');
    expect(name(san, 'dns', 1)).toBe('b.example');
    expect(name(san, 'dns', 2)).toBeUndefined();
    expect(name(san, 'email')).toBe('c@example');
    expect(name(san, 'uri')).toBe('urn:d');
    expect(name(san, 'ip')).toBe('10.0.0.1');
    expect(name(san, 'ip', 1)).toBe('2001:db8::1');
    expect(name(san, 'other_name')).toBe('e@example');
  });

  it('may have none of these names', () => {
    const certificate = read(certificates.sign({ subject: '/O=nobody' }));
    const from = { sslCertLoginSanType: 'dns', sslCertLoginSanIndex: 0 } as const;
    expect(loginName(certificate, { ...from, sslCertLoginFrom: 'common_name' })).toBeUndefined();
    const alternative = { ...from, sslCertLoginFrom: 'subject_alternative_name' } as const;
    expect(loginName(certificate, alternative)).toBeUndefined();
  });
});

describe('DER', () => {
  it('that is cut off, or no DER at all, is refused', () => {
    for (const bytes of [[0x30], [0x30, 5, 1], [0x30, 0x82, 1], [0x30, 0x85, 0, 0, 0, 0, 1, 1]]) {
      expect(() => derElements(Uint8Array.from(bytes))).toThrow(RangeError);
    }
  });

  it('has texts of several kinds', () => {
    const text = (tag: number, hex: string) => derText({ tag, content: Buffer.from(hex, 'hex') });
    expect(text(0x0c, 'c3a4')).toBe('ä');
    expect(text(0x14, 'e4')).toBe('ä');
    expect(text(0x1e, '00e4')).toBe('ä');
    expect(text(0x04, 'e4')).toBe('#e4');
  });

  it('has identifiers and times', () => {
    expect(objectIdentifier(Buffer.from('2a864886f70d010901', 'hex'))).toBe('1.2.840.113549.1.9.1');
    expect(objectIdentifier(Buffer.from('883703', 'hex'))).toBe('2.999.3');
    const time = (tag: number, text: string) => derTime({ tag, content: Buffer.from(text) });
    expect(time(0x17, '991231235959Z')).toBe('1999-12-31T23:59:59Z');
    expect(time(0x18, '20501231235959Z')).toBe('2050-12-31T23:59:59Z');
  });
});
