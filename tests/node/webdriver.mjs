// Drives Chromium through chromedriver with the WebDriver protocol (W3C) and its WebAuthn extension; nothing but fetch.
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:net';

const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

async function freePort() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** A headless browser of its own profile. `close()` ends it and its driver. */
export class Browser {
  static async open({ javascript = true, language = 'zh-CN' } = {}) {
    const port = await freePort();
    const driver = spawn('chromedriver', [`--port=${port}`, '--allowed-ips=127.0.0.1'], { stdio: 'ignore' });
    const browser = new Browser();
    browser.driver = driver;
    browser.base = `http://127.0.0.1:${port}`;
    for (let tries = 0; ; tries += 1) {
      try {
        if ((await (await fetch(`${browser.base}/status`)).json()).value.ready) break;
      } catch (error) {
        if (tries > 300) throw error;
      }
      await new Promise((done) => setTimeout(done, 50));
    }
    const args = ['--headless=new', '--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--window-size=1100,1400', `--lang=${language}`, '--no-proxy-server'];
    const prefs = { 'intl.accept_languages': language };
    if (!javascript) prefs['profile.managed_default_content_settings.javascript'] = 2;
    const { sessionId } = await browser.call('POST', '/session', {
      capabilities: { alwaysMatch: { browserName: 'chrome', 'goog:chromeOptions': { binary: '/usr/bin/chromium', args, prefs } } },
    });
    browser.session = `/session/${sessionId}`;
    await browser.call('POST', `${browser.session}/timeouts`, { implicit: 0, pageLoad: 60000, script: 30000 });
    return browser;
  }

  async call(method, path, body) {
    const answer = await fetch(this.base + path, { method, body: method === 'POST' ? JSON.stringify(body ?? {}) : undefined, headers: { 'content-type': 'application/json' } });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${method} ${path.split('/').slice(3).join('/')}: ${value.error}: ${value.message}`);
    return value;
  }

  async close() {
    try {
      await this.call('DELETE', this.session);
    } finally {
      this.driver.kill();
    }
  }

  open(url) {
    return this.call('POST', `${this.session}/url`, { url });
  }

  url() {
    return this.call('GET', `${this.session}/url`);
  }

  title() {
    return this.call('GET', `${this.session}/title`);
  }

  script(script, ...args) {
    return this.call('POST', `${this.session}/execute/sync`, { script, args });
  }

  async all(css) {
    return (await this.call('POST', `${this.session}/elements`, { using: 'css selector', value: css })).map((found) => found[ELEMENT]);
  }

  /** The first element, waited for. */
  async find(css, seconds = 20) {
    for (let start = Date.now(); ; ) {
      const [found] = await this.all(css);
      if (found) return found;
      if (Date.now() - start > seconds * 1000) {
        throw new Error(`no ${css} at ${await this.url()}:\n${(await this.text('body')).slice(0, 3000)}`);
      }
      await new Promise((done) => setTimeout(done, 100));
    }
  }

  async has(css) {
    return (await this.all(css)).length > 0;
  }

  async text(css) {
    return this.call('GET', `${this.session}/element/${await this.find(css)}/text`);
  }

  async click(css) {
    return this.call('POST', `${this.session}/element/${await this.find(css)}/click`);
  }

  async type(css, text) {
    const element = await this.find(css);
    await this.call('POST', `${this.session}/element/${element}/clear`);
    return this.call('POST', `${this.session}/element/${element}/value`, { text });
  }

  /** Puts a file into a file input. */
  async upload(css, path) {
    return this.call('POST', `${this.session}/element/${await this.find(css)}/value`, { text: path });
  }

  /** Waits until the address fulfils the test. */
  async reaches(test, seconds = 20) {
    for (let start = Date.now(); ; ) {
      const url = await this.url();
      if (test(url)) return url;
      if (Date.now() - start > seconds * 1000) {
        throw new Error(`still at ${url}:\n${(await this.text('body')).slice(0, 3000)}`);
      }
      await new Promise((done) => setTimeout(done, 100));
    }
  }

  async screenshot(path) {
    await writeFile(path, Buffer.from(await this.call('GET', `${this.session}/screenshot`), 'base64'));
  }

  /** A virtual passkey device (WebAuthn Level 2 §11.3). */
  authenticator() {
    return this.call('POST', `${this.session}/webauthn/authenticator`, {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserConsenting: true,
      isUserVerified: true,
    });
  }
}
