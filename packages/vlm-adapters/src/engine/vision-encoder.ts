import {
  createSession,
  type OnnxModel,
  type Session,
  type SessionOptions,
  type TensorLike,
} from '@iapo/onnx-autograd';
import { VlmError } from '../errors.js';
import type { ModelFamily } from '../families/family.js';
import type { EncodedImage, PreparedImage } from '../types/prompt.js';
import { floatsOf } from './float-data.js';
import { GradientSession } from './gradient-session.js';
import { inRuntime } from './runtime-errors.js';
import type { TrainableWeights } from './weights.js';

/** What the encoder makes of one picture. */
type Features = Pick<EncodedImage, 'features' | 'deepstack'>;

/** Pictures whose features are kept: a group of samples shares its picture, and tools edit few at a time. */
const keptPictures = 64;

export interface VisionOptions {
  readonly family: ModelFamily;
  readonly hidden: number;
  readonly session: SessionOptions;
}

/** The graph `vision_encoder`, one picture at a time. */
export class VisionEncoder {
  readonly session: Session;
  readonly #deepstackOutput: string | undefined;
  readonly #hidden: number;
  readonly #kept = new Map<string, Promise<Features>>();

  readonly #weights: TrainableWeights;
  readonly #gradient: GradientSession;
  readonly #output: string;

  private constructor(
    session: Session,
    graph: OnnxModel,
    weights: TrainableWeights,
    options: VisionOptions,
  ) {
    this.session = session;
    this.#weights = weights;
    this.#hidden = options.hidden;
    const deepstack = options.family.deepstack?.visionOutput;
    const { outputNames } = session;
    this.#deepstackOutput =
      deepstack !== undefined && outputNames.includes(deepstack) ? deepstack : undefined;
    this.#output =
      outputNames.find((output) => output === 'image_features') ?? outputNames[0] ?? '';
    this.#gradient = new GradientSession(graph, this.#output, options.session);
  }

  static async create(
    model: OnnxModel,
    weights: TrainableWeights,
    options: VisionOptions,
  ): Promise<VisionEncoder> {
    const graph = weights.asInputs(model);
    return new VisionEncoder(await createSession(graph, options.session), graph, weights, options);
  }

  /** Encodes pictures; equal ones once. */
  async encode(images: readonly PreparedImage[]): Promise<EncodedImage[]> {
    const encoded: EncodedImage[] = [];
    for (const image of images) encoded.push({ ...image, ...(await this.#features(image)) });
    return encoded;
  }

  /** Forgets what it has seen, after the encoder's weights have changed. */
  clear(): void {
    this.#kept.clear();
  }

  /**
   * Gradients with respect to pixels: Σ cotangent · features.
   *
   * @param cotangent `[tokens, hidden]`
   * @returns In the shape of the picture's `pixel_values`.
   */
  async pixelGradient(image: PreparedImage, cotangent: Float32Array): Promise<Float32Array> {
    const gradients = await this.#gradients(image, cotangent, ['pixel_values']);
    return gradients.get('pixel_values') ?? new Float32Array(0);
  }

  /** Gradients of the encoder's weights, by name in the graph. */
  weightGradients(
    image: PreparedImage,
    cotangent: Float32Array,
  ): Promise<Map<string, Float32Array>> {
    return this.#gradients(image, cotangent, this.#weights.names);
  }

  async dispose(): Promise<void> {
    await this.session.dispose();
    await this.#gradient.dispose();
  }

  #gradients(
    image: PreparedImage,
    data: Float32Array,
    wrt: readonly string[],
  ): Promise<Map<string, Float32Array>> {
    const dims = [image.tokens.length, this.#hidden];
    return this.#gradient.run(this.#feeds(image), { type: 'float32', dims, data }, wrt);
  }

  #feeds(image: PreparedImage): Record<string, TensorLike> {
    return { ...this.#weights.feeds(), ...image.feeds };
  }

  #features(image: PreparedImage): Promise<Features> {
    const known = this.#kept.get(image.hash);
    // Newest last, so that the first is the one to forget.
    if (known !== undefined) this.#kept.delete(image.hash);
    const features = known ?? this.#run(image);
    this.#kept.set(image.hash, features);
    for (const [hash] of this.#kept) {
      if (this.#kept.size <= keptPictures) break;
      this.#kept.delete(hash);
    }
    features.catch(() => this.#kept.delete(image.hash));
    return features;
  }

  async #run(image: PreparedImage): Promise<Features> {
    const outputs = await inRuntime('The vision encoder', () =>
      this.session.run(this.#feeds(image)),
    );
    const features = floatsOf(outputs, this.#output);
    if (features.length !== image.tokens.length * this.#hidden) {
      throw new VlmError(
        'image-tokens',
        `A picture of ${image.width}×${image.height} has ${image.tokens.length} placeholder tokens, and the vision encoder gave ${features.length / this.#hidden} rows: the preprocessor's settings belong to another model.`,
      );
    }
    return {
      features,
      deepstack:
        this.#deepstackOutput === undefined ? null : floatsOf(outputs, this.#deepstackOutput),
    };
  }
}
