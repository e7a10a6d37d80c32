// Files by drag and drop or by the file chooser, sent one after the other to the API that programs use.
const WAIT_MS = 1000;

function sent(url, file, progressed) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => progressed(event.lengthComputable ? event.loaded / event.total : 0);
    request.onerror = () => reject(new Error("The node does not answer: is it running, and is the file still there?"));
    request.onload = () => {
      if (request.status === 401) return reject(new Error("You are not logged in any more: reload this page."));
      try {
        resolve({ status: request.status, answer: JSON.parse(request.responseText) });
      } catch {
        reject(new Error(`The node answered ${request.status} and nothing that can be read.`));
      }
    };
    request.send(file);
  });
}

export default {
  template: `
    <div class="upload">
      <fieldset class="kinds">
        <legend>What the files are</legend>
        <label><input type="radio" value="data" v-model="kind" /> Observations</label>
        <label><input type="radio" value="stations" v-model="kind" /> A station table</label>
      </fieldset>
      <label class="drop" :class="{ over }"
        @dragover.prevent="over = true" @dragleave="over = false" @drop.prevent="dropped">
        <strong>Drop files here</strong>
        <span>or choose them</span>
        <input type="file" multiple class="file" aria-describedby="upload-help" @change="chosen" />
      </label>
      <p id="upload-help" class="muted">{{ help }} At most {{ (max_bytes / 1048576).toLocaleString() }} MiB each.</p>
      <div role="status" class="hidden">{{ spoken }}</div>
      <section v-for="one in files" :key="one.id" class="card file-card" :aria-label="one.name">
        <h2>{{ one.name }}</h2>
        <progress v-if="one.state === 'sending'" :value="one.progress" max="1" :aria-label="'Sending ' + one.name"></progress>
        <p :class="one.state">{{ one.text }}</p>
        <p v-if="one.stored" class="muted">{{ one.stored }}</p>
        <div v-if="one.rejects.length" class="table-box" tabindex="0" role="region" :aria-label="'Rejected rows of ' + one.name">
          <table>
            <caption>{{ rejected_caption(one) }}</caption>
            <thead><tr>
              <th scope="col" class="number">line</th><th scope="col">field</th>
              <th scope="col">value</th><th scope="col">why it was rejected</th>
            </tr></thead>
            <tbody><tr v-for="row in one.rejects">
              <td class="number">{{ row.line }}</td><td>{{ row.field ?? "the whole line" }}</td>
              <td><code>{{ row.value }}</code></td><td>{{ row.reason }}</td>
            </tr></tbody>
          </table>
        </div>
      </section>
    </div>`,
  props: { max_bytes: Number },
  data: () => ({ kind: "data", over: false, files: [], spoken: "", queue: Promise.resolve() }),
  computed: {
    help() {
      return this.kind === "data"
        ? "Hourly CSV, ISD-Lite, GHCNh or JSON; also .gz and .zip."
        : "id,name,country_code,state_code,call_sign,lat,long,elevation without a header, or isd-history.csv; also .gz.";
    },
  },
  methods: {
    dropped(event) {
      this.over = false;
      this.take(event.dataTransfer.files);
    },
    chosen(event) {
      this.take(event.target.files);
      event.target.value = "";
    },
    take(files) {
      for (const file of files) {
        const entry = { id: crypto.getRandomValues(new Uint32Array(2)).join(""), name: file.name, kind: this.kind };
        Object.assign(entry, { state: "waiting", text: "Waiting", progress: 0, rejects: [], rejected: 0, stored: "" });
        this.files.unshift(entry);
        const one = this.files[0]; // the one that Vue watches
        this.queue = this.queue.then(() => this.send(one, file));
      }
    },
    async send(one, file) {
      if (file.size > this.max_bytes) return this.end(one, "failed", "The file is too large: send it in parts.");
      one.state = "sending";
      one.text = "Sending …";
      const url = `/weather/${one.kind}` + (one.kind === "data" ? `?name=${encodeURIComponent(file.name)}` : "");
      try {
        const { status, answer } = await sent(url, file, (part) => {
          one.progress = part;
          one.text = part < 1 ? `Sending … ${Math.floor(100 * part)} %` : "Sent. Waiting until every row is acknowledged …";
        });
        one.rejects = answer.rejects ?? [];
        one.rejected = answer.rejected ?? 0;
        if (status !== 202) return this.end(one, "failed", answer.detail ?? `The node answered ${status}.`);
        const counts = [answer.read, answer.accepted, answer.rejected].map((number) => number.toLocaleString());
        this.end(one, "done", `Read ${counts[0]}, accepted ${counts[1]}, rejected ${counts[2]}.`);
        if (answer.next_offsets) await this.follow(one, answer.next_offsets);
      } catch (error) {
        this.end(one, "failed", error.message);
      }
    },
    end(one, state, text) {
      one.state = state;
      one.text = text;
      this.spoken = `${one.name}: ${text}`;
    },
    async follow(one, offsets) {
      for (let times = 0; times < 120; times++) {
        one.stored = "On the way through the stream …";
        const answer = await fetch("/status").then((response) => (response.ok ? response.json() : null), () => null);
        const stored = answer?.stream?.stored ?? {};
        if (Object.entries(offsets).every(([partition, offset]) => (stored[partition] ?? 0) >= offset)) {
          one.stored = "Stored: it is on the map and in the charts.";
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
      }
      one.stored = "Acknowledged, and not stored yet: the stream is behind. Operations says why.";
    },
    rejected_caption(one) {
      const shown = one.rejects.length < one.rejected ? `, the first ${one.rejects.length} of them` : "";
      return `${one.rejected.toLocaleString()} rejected ${one.rejected === 1 ? "row" : "rows"}${shown}`;
    },
  },
};
