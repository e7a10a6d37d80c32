// A chart that takes its colours from the page: "var(--name)" anywhere in its options is that custom property's value.
import { echarts } from "nicegui-echart";

const maps = new Map(); // by address: a map is fetched and registered once a page

function registered(url) {
  if (!maps.has(url)) {
    maps.set(url, fetch(url).then((answer) => answer.json()).then((land) => echarts.registerMap(url, land)));
  }
  return maps.get(url);
}

export default {
  template: `<div><p v-if="failed" role="alert">The coastlines could not be fetched: reload the page.</p>
    <div ref="canvas" class="chart-canvas"></div></div>`,
  data: () => ({ failed: false }),
  props: { options: Object, map: String, view: Object, unit: String, digits: Number, filename: String },
  async mounted() {
    try {
      if (this.map) await registered(this.map);
    } catch {
      this.failed = true;
      return;
    }
    this.chart = echarts.init(this.$refs.canvas, null, { renderer: "canvas" });
    this.chart.on("click", (event) => {
      if (event.data?.link) window.location.assign(event.data.link);
    });
    this.resizing = new ResizeObserver(() => this.chart.resize());
    this.resizing.observe(this.$refs.canvas);
    this.theming = new MutationObserver(() => this.update_chart());
    this.theming.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.scheme.addEventListener("change", this.update_chart);
    this.update_chart();
    if (this.view) this.chart.setOption({ geo: this.view });
  },
  beforeUnmount() {
    this.resizing?.disconnect();
    this.theming?.disconnect();
    this.scheme?.removeEventListener("change", this.update_chart);
    this.chart?.dispose();
  },
  methods: {
    update_chart() {
      if (!this.chart) return;
      const style = getComputedStyle(this.$refs.canvas);
      const options = this.resolved(this.options, style);
      options.animation = !matchMedia("(prefers-reduced-motion: reduce)").matches;
      options.textStyle = { fontFamily: style.fontFamily, ...options.textStyle };
      // As text, not as HTML: names of stations come from outside.
      if (options.tooltip) Object.assign(options.tooltip, { renderMode: "richText", formatter: this.tip });
      this.chart.setOption(options, { replaceMerge: ["series"] });
      this.$refs.canvas.dataset.drawn = (Number(this.$refs.canvas.dataset.drawn) || 0) + 1;
    },
    resolved(value, style) {
      if (typeof value === "string") {
        return value.replace(/var\((--[\w-]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
      }
      if (Array.isArray(value)) {
        // Rows of numbers are many and have no colours.
        return typeof value[0] === "number" ? value : value.map((one) => this.resolved(one, style));
      }
      if (value && typeof value === "object") {
        return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.resolved(one, style)]));
      }
      return value;
    },
    tip(params) {
      if (!Array.isArray(params)) return params.data?.tip ?? params.name;
      const shown = params.filter((one) => !one.seriesName.startsWith("_"));
      return [params[0].axisValueLabel, ...shown.map((one) => `${one.seriesName}: ${this.measured(one)}`)].join("\n");
    },
    measured(one) {
      const value = Array.isArray(one.value) ? one.value[1] : one.value;
      if (value === null || value === undefined || value === "-") return "–";
      return `${Number(value).toFixed(this.digits)} ${this.unit}`;
    },
    zoom(factor) {
      const now = this.chart.getOption().geo[0].zoom ?? 1;
      this.chart.setOption({ geo: { zoom: Math.min(60, Math.max(1, now * factor)) } });
    },
    look_at(view) {
      this.chart?.setOption({ geo: view });
    },
    save_png() {
      const paper = getComputedStyle(this.$refs.canvas).getPropertyValue("--surface").trim();
      const link = document.createElement("a");
      link.href = this.chart.getDataURL({ type: "png", pixelRatio: 2, backgroundColor: paper });
      link.download = `${this.filename}.png`;
      link.click();
    },
  },
};
