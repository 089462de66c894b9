#!/usr/bin/env node
'use strict';
// The launcher: runs dist/src/cli/main.js with a Node that is new enough. It runs on any Node from
// 12 on. The child has this process's streams and gets its signals; this process ends as the child
// ended. The extra channel (ipc) lets the child notice when this process is killed outright.
const fs = require('fs');
const path = require('path');
const { spawn } = require('child_process');
const { findNode, missingNodeText } = require('./node-runtime.cjs');

// sysexits(3) EX_CONFIG: service managers do not restart in a loop on it.
const EXIT_NOT_CONFIGURED = 78;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const root = path.dirname(__dirname);
const main = path.join(root, 'dist', 'src', 'cli', 'main.js');

function refuse(text) {
  process.stderr.write(`warrenmq: ${text}\n`);
  process.exit(EXIT_NOT_CONFIGURED);
}

const node = findNode(root);
if (node === undefined) refuse(missingNodeText());
if (!fs.existsSync(main)) {
  refuse(`${main} does not exist: the project is not built. Run \`node bin/setup.cjs\` first.`);
}

const child = spawn(node, [main].concat(process.argv.slice(2)), {
  stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
});
for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));

child.on('error', (error) => {
  refuse(`${node} cannot be started (${error.message}). Install Node 24.20 or newer.`);
});
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code);
  for (const handled of SIGNALS) process.removeAllListeners(handled);
  process.kill(process.pid, signal);
});
