import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
