// The journeys of people, through real pages in Chromium: node journeys.mjs JOURNEY, the demo's JSON object on stdin with
// "shots" (a folder for screenshots) and what the journey needs besides. Ends with status 0, or throws.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Browser } from './webdriver.mjs';

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const demo = JSON.parse(Buffer.concat(chunks).toString());
const account = (role, name) => demo.accounts.find((one) => one.role === role && (!name || one.name === name));

/** The newest code that was sent to a phone after a moment. */
async function code(phone, known) {
  for (let tries = 0; tries < 100; tries += 1) {
    const { messages } = await (await fetch(`${demo.inbox_json}?phone=${phone}`)).json();
    const fresh = messages.find((message) => !known.has(message.id));
    if (fresh) return fresh.text.match(/\d{6}/)[0];
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error('no message reached the phone');
}

async function inbox(phone) {
  const { messages } = await (await fetch(`${demo.inbox_json}?phone=${phone}`)).json();
  return new Set(messages.map((message) => message.id));
}

/** From the choice of methods to wherever the login leads: name and number, then the code sent to the phone. */
async function byPhone(browser, person, shots) {
  await browser.click('a[href*="/login/phone"]');
  await browser.type('#name', person.name);
  await browser.type('#number', person.number);
  if (shots) await browser.screenshot(`${demo.shots}/phone.png`);
  const known = await inbox(person.phone);
  await browser.click('form.card button');
  await browser.find('#code');
  assert.ok(!(await browser.url()).includes(person.number), 'a number stands in an address');
  await browser.type('#code', await code(person.phone, known));
  if (shots) await browser.screenshot(`${demo.shots}/code.png`);
  await browser.click('form.card button');
}

/** Agrees where the service asks what may be released. */
async function consent(browser, reached) {
  const url = await browser.reaches((at) => reached(at) || at.includes('/consent'));
  if (!reached(url)) {
    await browser.screenshot(`${demo.shots}/consent.png`);
    await browser.click('form[action*="consent"] button');
    await browser.reaches(reached);
  }
}

async function withBrowser(options, work) {
  const browser = await Browser.open(options);
  try {
    await work(browser);
  } catch (error) {
    await browser.screenshot(`${demo.shots}/failed.png`).catch(() => {});
    console.error(`at ${await browser.url().catch(() => '?')}\n${(await browser.text('body').catch(() => '')).slice(0, 2000)}`);
    throw error;
  } finally {
    await browser.close();
  }
}

const atPortal = (url) => url.startsWith(demo.portal);

/** Logs out at the portal, confirms at the service if it asks, and comes back: the portal then offers to log in. */
async function logOut(browser) {
  await browser.click('form[action="/logout"] button');
  for (const start = Date.now(); ; ) {
    const there = atPortal(await browser.url());
    if (there && (await browser.has('button.first'))) return;
    if (Date.now() - start > 20_000) throw new Error(`not logged out at ${await browser.url()}`);
    if (!there && (await browser.has('main form button'))) {
      await browser.screenshot(`${demo.shots}/logout.png`);
      // The page may be leaving already; the next round sees where it went.
      await browser.click('main form button').catch(() => {});
    }
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** The sample portal: log in, see the claims, log out; cancel and come back. */
async function portal() {
  await withBrowser({}, async (browser) => {
    await browser.open(demo.portal);
    await browser.screenshot(`${demo.shots}/portal.png`);
    await browser.click('button.first');
    await browser.find('a[href*="/login/phone"]');
    await browser.screenshot(`${demo.shots}/login.png`);
    await byPhone(browser, account('person'), true);
    await consent(browser, atPortal);
    assert.equal(await browser.text('#name'), account('person').name);
    assert.equal(await browser.text('#acr'), 'urn:xinyin:acr:real-name');
    const userinfo = JSON.parse(await browser.text('#userinfo'));
    assert.equal(userinfo.name, account('person').name);
    assert.ok(!JSON.stringify(userinfo).includes(account('person').number), 'the number was released without being registered for');
    await browser.screenshot(`${demo.shots}/portal-logged-in.png`);
    await logOut(browser);
    // Cancelling leads back with a message, not to an error.
    await browser.click('button.first');
    await browser.click('form[action="/login/cancel"] button');
    await browser.reaches(atPortal);
    assert.match(await browser.text('[role=alert]'), /登录已取消/);
  });
}

/** Certificate by the connector, a passkey bound under it, then a login by that passkey alone. */
async function passkey() {
  const held = demo.key_files.find((one) => one.owner === account('person').id && one.family === demo.family && one.use === 'signing' && one.condition === 'valid');
  const args = ['connector', '--key', held.key, '--cert', held.certificate, '--origin', demo.issuer, '--port', '0', '--yes', '--format', 'json'];
  const connector = spawn(demo.program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [line] = await once(connector.stdout, 'data');
    const said = JSON.parse(line.toString().split('\n')[0]);
    const port = said.port ?? new URL(said.address ?? said.url).port;
    await withBrowser({}, async (browser) => {
      await browser.authenticator();
      await browser.open(demo.portal);
      await browser.click('form:nth-of-type(2) button');
      await browser.click('a[href*="/login/certificate"]');
      await browser.type('#port', String(port));
      await browser.screenshot(`${demo.shots}/certificate.png`);
      await browser.click('#connector-login button');
      await consent(browser, atPortal);
      assert.equal(await browser.text('#acr'), 'urn:xinyin:acr:real-credential');
      assert.equal(await browser.text('#name'), account('person').name);
      await browser.open(`${demo.issuer}/account`);
      await browser.click('#passkey-register button:not([disabled])');
      await browser.find('form[action="/account/passkeys/remove"]');
      await browser.screenshot(`${demo.shots}/account.png`);
      await browser.click('form[action="/logout"] button');
      await browser.reaches((url) => !url.endsWith('/account'));
      await browser.open(demo.portal);
      if (await browser.has('form[action="/logout"]')) await logOut(browser);
      await browser.click('button.first');
      await browser.click('#passkey-login button:not([disabled])');
      await consent(browser, atPortal);
      assert.equal(await browser.text('#name'), account('person').name);
      assert.equal(JSON.parse(await browser.text('#claims')).acr, 'urn:xinyin:acr:real-person');
    });
  } finally {
    connector.kill();
  }
}

/** openid-client 6 as the portal. */
async function openidClient() {
  const from = createRequire(`${demo.modules}/package.json`);
  const client = await import(pathToFileURL(from.resolve('openid-client')).href);
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end('<p id="back">back</p>');
  });
  server.listen(demo.callback_port, '127.0.0.1');
  await once(server, 'listening');
  const redirect = `http://localhost:${demo.callback_port}/callback`;
  try {
    const options = { execute: [client.allowInsecureRequests] };
    const issuer = new URL(demo.issuer);
    const config = await client.discovery(issuer, demo.client.client_id, demo.client.client_secret, client.ClientSecretBasic(demo.client.client_secret), options);
    await withBrowser({ language: 'en' }, async (browser) => {
      const round = async (work) => {
        const verifier = client.randomPKCECodeVerifier();
        const [state, nonce] = [client.randomState(), client.randomNonce()];
        const url = client.buildAuthorizationUrl(config, {
          redirect_uri: redirect, scope: 'openid profile', state, nonce,
          code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
        });
        await browser.open(url.href);
        await work();
        await consent(browser, (at) => at.startsWith(redirect));
        return { url: new URL(await browser.url()), checks: { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true } };
      };
      const first = await round(() => byPhone(browser, account('person')));
      assert.equal(first.url.searchParams.get('iss'), demo.issuer);
      // A mixed-up issuer and a foreign state are refused by the client itself; it has something to check.
      const mixed = new URL(first.url);
      mixed.searchParams.set('iss', 'http://localhost:1');
      await assert.rejects(client.authorizationCodeGrant(config, mixed, first.checks));
      await assert.rejects(client.authorizationCodeGrant(config, first.url, { ...first.checks, expectedState: 'other' }));
      const tokens = await client.authorizationCodeGrant(config, first.url, first.checks);
      const claims = tokens.claims();
      assert.equal(claims.iss, demo.issuer);
      assert.equal(claims.acr, 'urn:xinyin:acr:real-name');
      assert.ok(claims.auth_time && claims.amr.length > 0 && claims.sub);
      const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
      assert.equal(userinfo.name, account('person').name);
      // Logged in already: the second round asks for nothing, and `sub` stays.
      const second = await round(async () => {});
      const again = await client.authorizationCodeGrant(config, second.url, second.checks);
      assert.equal(again.claims().sub, claims.sub);
      // A wrong verifier spends nothing but the attempt; a spent code is refused and takes its tokens along.
      await assert.rejects(client.authorizationCodeGrant(config, second.url, second.checks), /invalid_grant|failed|error/i);
      await assert.rejects(client.fetchUserInfo(config, again.access_token, claims.sub));
      const third = await round(async () => {});
      await assert.rejects(client.authorizationCodeGrant(config, third.url, { ...third.checks, pkceCodeVerifier: client.randomPKCECodeVerifier() }));
      await browser.open(client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token }).href);
      await browser.screenshot(`${demo.shots}/logout-en.png`);
    });
  } finally {
    server.close();
  }
}

/** The clerk's desk, with and without JavaScript. */
async function desk() {
  const clerk = account('clerk');
  for (const javascript of [true, false]) {
    await withBrowser({ javascript }, async (browser) => {
      await browser.open(`${demo.issuer}/desk`);
      await browser.reaches((url) => url.includes('/login'));
      await byPhone(browser, clerk);
      await browser.reaches((url) => url.endsWith('/desk'));
      await browser.screenshot(`${demo.shots}/desk.png`);
      for (const [file, outcome, answers] of demo.expected) {
        await browser.open(`${demo.issuer}/desk`);
        await browser.upload('input[name=file]', `${demo.documents}/${file}`);
        await browser.type('input[name=at]', demo.at);
        await browser.click('form[enctype] button');
        await browser.reaches((url) => /\/desk\/[^/]+\/[0-9a-f]{32}$/.test(url));
        await browser.screenshot(`${demo.shots}/verdict-${file}.png`);
        assert.match(await browser.text('#outcome'), new RegExp(outcome), file);
        const page = await browser.text('main');
        for (const answer of answers) assert.match(page, new RegExp(answer), `${file}: ${page}`);
        assert.equal((await browser.all('table.questions tr')).length, 7, 'seven questions');
        assert.equal(await browser.has('details[open]'), false, 'the technical tree is folded');
        if (!javascript) continue;
        const download = await browser.call('GET', `${browser.session}/element/${await browser.find('#download')}/property/href`);
        const cookies = (await browser.call('GET', `${browser.session}/cookie`)).map((one) => `${one.name}=${one.value}`).join('; ');
        const answer = await fetch(download, { headers: { cookie: cookies } });
        assert.equal(answer.headers.get('xinyin-receipt'), await browser.text('#receipt'));
        const bytes = Buffer.from(await answer.arrayBuffer());
        assert.ok(bytes.equals(await readFile(`${demo.verdicts}/${file}.json`)), `${file}: the desk's octets differ from the command line's:\n${bytes}`);
        // Nobody else may read it: without the cookie the way leads to the login.
        const stranger = await fetch(download, { redirect: 'manual' });
        assert.equal(stranger.status, 303);
        if (file.endsWith('.pdf')) {
          // The first page stands there as a picture, for the same eyes alone.
          const source = await browser.call('GET', `${browser.session}/element/${await browser.find('figure.preview img')}/property/src`);
          const picture = await fetch(source, { headers: { cookie: cookies } });
          assert.equal(picture.headers.get('content-type'), 'image/png', file);
          assert.ok(Buffer.from(await picture.arrayBuffer()).subarray(1, 4).equals(Buffer.from('PNG')));
          assert.equal((await fetch(source, { redirect: 'manual' })).status, 303);
        } else {
          assert.ok(await browser.has('p.preview-none'), `${file}: why there is no picture is said`);
        }
      }
    });
  }
  // The other agency's clerk does not find this agency's verdicts; somebody with no role has no desk.
  await withBrowser({}, async (browser) => {
    await browser.open(`${demo.issuer}/desk`);
    await byPhone(browser, account('clerk', '李娜'));
    await browser.reaches((url) => url.endsWith('/desk'));
    await browser.upload('input[name=file]', `${demo.documents}/plain.pdf`);
    await browser.click('form[enctype] button');
    const own = await browser.reaches((url) => /\/desk\/other-agency\/[0-9a-f]{32}$/.test(url));
    assert.match(await browser.text('main'), /没有电子签名/);
    await browser.open(own.replace('other-agency', 'sample-agency'));
    assert.match(await browser.text('main'), /XY-4004/);
  });
  await withBrowser({}, async (browser) => {
    await browser.open(`${demo.issuer}/desk`);
    await byPhone(browser, account('person'));
    await browser.reaches((url) => url.endsWith('/desk'));
    assert.match(await browser.text('main'), /没有任何机构的核验权限/);
    assert.equal(await browser.has('input[name=file]'), false);
  });
}

/** Two clerks make a seal: one asks, the other approves; the maker's program runs apart; what ends it is one's own to do. */
async function seals() {
  const held = (owner) => demo.key_files.find((one) => one.owner === owner && one.family === 'sm2' && one.use === 'signing' && one.condition === 'valid');
  const signer = await readFile(held('sample-agency').certificate, 'utf8');
  const atDesk = async (browser, name) => {
    await browser.open(`${demo.issuer}/desk/seals`);
    await byPhone(browser, account('clerk', name));
    await browser.reaches((url) => url.includes('/desk'));
    await browser.open(`${demo.issuer}/desk/seals`);
  };
  const drawn = async (browser) => {
    await browser.find('#picture');
    for (const start = Date.now(); ; ) {
      if (await browser.script("const picture = document.querySelector('#picture'); return picture.complete && picture.naturalWidth > 0")) return;
      if (Date.now() - start > 10_000) throw new Error('the seal is not drawn');
      await new Promise((done) => setTimeout(done, 100));
    }
  };
  const cookies = async (browser) => (await browser.call('GET', `${browser.session}/cookie`)).map((one) => `${one.name}=${one.value}`).join('; ');
  for (const javascript of [true, false]) {
    await withBrowser({ javascript }, async (asking) => {
      await atDesk(asking, '赵敏');
      await asking.click('#new-sample-agency');
      await asking.screenshot(`${demo.shots}/seals.png`);
      await asking.type('#owner-sample-agency', '样例区行政审批局');
      await asking.type('#uscc-sample-agency', '11350899003599012Q');
      await asking.type('#signer-sample-agency', signer);
      await asking.click('form[action="/desk/seals"] button');
      const request = await asking.reaches((url) => url.includes('/requests/'));
      if (javascript) await drawn(asking);
      await asking.screenshot(`${demo.shots}/seal-request.png`);
      assert.match(await asking.text('main'), /须由另一人审批/);
      assert.equal(await asking.has('#approve'), false, 'nobody approves what he asked for');
      await withBrowser({ javascript }, async (approving) => {
        await atDesk(approving, '林秀英');
        await approving.open(request);
        // Unconfirmed, the browser itself keeps the form.
        await approving.click('#approve');
        assert.equal(await approving.url(), request);
        await approving.click('#confirm');
        await approving.screenshot(`${demo.shots}/seal-approve.png`);
        await approving.click('#approve');
        await approving.reaches((url) => !url.includes('/requests/'));
        const seal = await approving.url();
        assert.match(await approving.text('#state'), /已批准，待制作/);
        // The order goes to the maker, whose program makes the seal apart.
        const order = await fetch(`${seal}/order`, { headers: { cookie: await cookies(approving) } });
        assert.equal((await fetch(`${seal}/order`, { redirect: 'manual' })).status, 303, 'nobody else gets the order');
        const [input, output] = [`${demo.data}/order-${javascript}.json`, `${demo.data}/made-${javascript}.esl`];
        await writeFile(input, Buffer.from(await order.arrayBuffer()));
        const maker = held('xinyin-sample');
        const making = spawn(demo.program, ['seal', 'make', '--key', maker.key, '--cert', maker.certificate, '--request', input, output], { stdio: 'inherit' });
        assert.equal((await once(making, 'exit'))[0], 0);
        await asking.open(seal);
        await asking.upload('#made', output);
        await asking.click('form[action$="/made"] button');
        await asking.find('#use-reason');
        assert.match(await asking.text('#state'), /^可用$/);
        if (javascript) await drawn(asking);
        await asking.screenshot(`${demo.shots}/seal.png`);
        // Suspending narrows: one does it alone, with a reason, and everybody sees it.
        await asking.click('#end');
        await asking.type('#reason', '保管人交接');
        await asking.click('section details #confirm');
        await asking.click('button[value=suspend]');
        await asking.find('#resume-reason');
        await approving.open(seal);
        assert.match(await approving.text('main'), /保管人交接/);
        assert.equal(await approving.has('#use-reason'), false, 'a suspended seal is not asked for');
      });
    });
  }
  // The other agency's clerk sees none of it.
  await withBrowser({}, async (browser) => {
    await atDesk(browser, '李娜');
    assert.equal(await browser.has('a.seal'), false);
  });
}

const journeys = { portal, passkey, openidClient, desk, seals };
await journeys[process.argv[2]]();
console.log(`${process.argv[2]}: done`);
