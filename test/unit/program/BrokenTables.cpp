// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Faults in a program's tables: kernels, library calls, groups, parameters.
#include "Broken.h"

namespace dpcrt::test {

// clang-format off: the texts are what matters here.
const std::vector<Broken> brokenTables = {
    {"GroupOverAnAxisWithoutRanks",
     [](Programs &p, Programs &q) { p[0]->groups[1]->over = fb::Axes::Ep | fb::Axes::Tp; },
     R"(rank0: rank 0: group 'all' spans tp, along which no ranks are placed; groups span dp and ep)"},

    {"GroupOverAnUnknownAxis",
     [](Programs &p, Programs &q) { p[0]->groups[1]->over = fb::Axes(8); },
     R"(rank0: rank 0: group 'all' spans an axis that this build does not know)"},

    {"GatherOverAllAxesThatDoesNotFit",
     [](Programs &p, Programs &q) {
       for (auto &program : p) {
         program->mesh->dp = 3;
         program->groups[1]->over = fb::Axes::Dp | fb::Axes::Ep;
       }
       p[0]->order[23]->action.AsCollective()->kind = fb::CollectiveKind::AllToAll;
     },
     R"(rank0: rank 0: all-to-all #23 'bucket 0': a source of 64 bytes and a destination of 64 do not fit together among 12 ranks
rank 0: all-to-all #23 'bucket 0': buffer 0 and buffer 1 overlap, gradients[0..64) and gradients[0..64), and the second is written)"},

    {"FeedOfASlice",
     [](Programs &p, Programs &q) {
       p[0]->inputs[0]->shape = {2, 4, 4};
     },
     R"(rank0: rank 0: feed #1 'feed m0' moves 64 bytes; input 'x' has 128
rank 0: feed #4 'feed m1' moves 64 bytes; input 'x' has 128
rank 0: feed #7 'feed m2' moves 64 bytes; input 'x' has 128
rank 0: feed #10 'feed m3' moves 64 bytes; input 'x' has 128)"},

    {"KernelOfFarTooManyBuffers",
     [](Programs &p, Programs &q) {
       p[0]->kernels[Keep]->buffers.assign(256, fb::Buffer(kSlot, kF32, fb::Access::Read));
     },
     R"(rank0: rank 0: kernel 'k_keep' has 256 buffers; at most 255 are possible
rank 0: block s0.forward: launch #2 'scale': kernel 'k_keep' takes 256 arguments, but is given 2
rank 0: block s0.forward: launch #4 'keep': kernel 'k_keep' takes 256 arguments, but is given 2)"},

    {"ProductOfBillionsOfBlocks",
     [](Programs &p, Programs &q) {
       fb::MatmulT &matmul = *p[0]->library[0]->function.AsMatmul();
       matmul.m = uint64_t(1) << 40;
       matmul.block_rows = 1;
       matmul.lhs_strides[0] = matmul.dst_strides[0] = 4;
       resize(p[0]->library[0]->operands[0], uint64_t(1) << 44);
       resize(p[0]->library[0]->operands[2], uint64_t(1) << 44);
     },
     R"(rank0: rank 0: library call 0, a matmul, is dealt in more than 1048576 blocks
rank 0: block s0.forward: call #0 'matmul': argument 0 has 64 bytes; library call 0 takes 17592186044416
rank 0: block s0.forward: call #0 'matmul': argument 2 has 64 bytes; library call 0 takes 17592186044416)"},

    {"ConvolutionThatPadsMoreThanItsWindow",
     [](Programs &p, Programs &q) {
       fb::ConvolutionT convolution;
       convolution.batch = convolution.groups = 1;
       convolution.input_channels = convolution.output_channels = 1;
       convolution.input = {16};
       convolution.kernel = convolution.strides = convolution.dilations = {1};
       convolution.low = {1};
       convolution.high = {0};
       p[0]->library[0]->function.Set(std::move(convolution));
     },
     R"(rank0: rank 0: library call 0, a convolution, is not possible: it pads by 1 and 0 a window of 1)"},

    {"ConvolutionOfAnotherSize",
     [](Programs &p, Programs &q) {
       fb::ConvolutionT convolution;
       convolution.batch = convolution.groups = 1;
       convolution.input_channels = convolution.output_channels = 1;
       convolution.input = {16};
       convolution.kernel = convolution.strides = convolution.dilations = {1};
       convolution.low = convolution.high = {0};
       p[0]->library[0]->function.Set(std::move(convolution));
     },
     R"(rank0: rank 0: library call 0, a convolution, has 64 bytes of its weight; it needs 4)"},

    {"ConvolutionOfAnUnknownKind",
     [](Programs &p, Programs &q) {
       fb::ConvolutionT convolution;
       convolution.kind = fb::ConvolutionKind(3);
       p[0]->library[0]->function.Set(std::move(convolution));
     },
     R"(rank0: rank 0: library call 0, a convolution, is not possible: it is of unknown kind 3)"},

    {"MatmulBeyondItsArgument",
     [](Programs &p, Programs &q) {
       p[0]->library[0]->function.AsMatmul()->lhs_strides = {5, 1};
     },
     R"(rank0: rank 0: library call 0, a matmul, reaches beyond the 64 bytes of lhs)"},

    {"MatmulThatWritesAnElementTwice",
     [](Programs &p, Programs &q) {
       p[0]->library[0]->function.AsMatmul()->dst_strides = {1, 1};
     },
     R"(rank0: rank 0: library call 0, a matmul, has strides of dst by which elements coincide)"},

    {"MatmulStridesThatOverflow",
     [](Programs &p, Programs &q) {
       p[0]->library[0]->function.AsMatmul()->rhs_strides = {
           ~uint64_t(0) / 2, 1};
     },
     R"(rank0: rank 0: library call 0, a matmul, reaches beyond the 64 bytes of rhs)"},

    {"GradientAmongTheWeights",
     [](Programs &p, Programs &q) {
       p[0]->parameters[0]->gradient = own(arena(Weights, 0));
     },
     R"(rank0: rank 0: the gradient of parameter 'h.0.weight' lies in the weights arena 'weights'; it must lie in one of role gradients)"},

    {"GradientOfAnotherType",
     [](Programs &p, Programs &q) {
       fb::Ref &ref = *p[0]->parameters[0]->gradient;
       ref = fb::Ref(ref.space(), uint8_t(Element::I32), ref.index(), ref.offset(), ref.bytes());
     },
     R"(rank0: rank 0: the gradient of parameter 'h.0.weight' is of i32, its weight of f32)"},

    {"WeightOfAnotherType",
     [](Programs &p, Programs &q) {
       fb::Ref &ref = *p[0]->parameters[0]->weight;
       ref = fb::Ref(ref.space(), uint8_t(Element::I32), ref.index(), ref.offset(), ref.bytes());
     },
     R"(rank0: rank 0: the weight of parameter 'h.0.weight' is of i32, the parameter of f32
rank 0: the gradient of parameter 'h.0.weight' is of f32, its weight of i32)"},

    {"MasterOfAnF32Parameter",
     [](Programs &p, Programs &q) {
       auto masters = std::make_unique<fb::ArenaT>();
       masters->name = "masters";
       masters->role = fb::ArenaRole::Masters;
       masters->bytes = kSlot;
       p[0]->arenas.push_back(std::move(masters));
       p[0]->features = kFeatureMasters;
       p[0]->parameters[0]->master = (own(arena(NumArenas, 0)));
     },
     R"(rank0: rank 0: parameter 'h.0.weight' has a master, but is of f32; only parameters of 16-bit floats have one)"},

    {"MasterWithoutItsFeature",
     [](Programs &p, Programs &q) {
       p[0]->parameters[0]->master = (own(arena(Weights, 0)));
     },
     R"(rank0: rank 0: parameter 'h.0.weight' has a master, but the program does not name the feature
rank 0: parameter 'h.0.weight' has a master, but is of f32; only parameters of 16-bit floats have one
rank 0: the master of parameter 'h.0.weight' lies in the weights arena 'weights'; it must lie in one of role masters)"},

    {"APartWithoutItsFeature",
     [](Programs &p, Programs &q) {
       addLargeParameter(*p[0], Extent{4096, 4096});
       p[0]->features = 0;
     },
     R"(rank0: rank 0: parameter 'large' has parts, but the program does not name the feature)"},

    {"PartOfNoMoments",
     [](Programs &p, Programs &q) {
       addLargeParameter(*p[0], Extent{4096, 4096}).parts[0]->moments.clear();
     },
     R"(rank0: rank 0: parameter 'large' has 0 moments and 2 names for them)"},

    {"MomentOfLessThanTheWhole",
     [](Programs &p, Programs &q) {
       fb::ParameterT &large = addLargeParameter(*p[0], Extent{0, 4096});
       large.moments = large.parts[0]->moments;
       large.parts.clear();
     },
     R"(rank0: rank 0: the moment of parameter 'large' has 16384 bytes; it must have 40000
rank 0: the moment of parameter 'large' has 16384 bytes; it must have 40000)"},

    {"MomentsOfTwoExtents",
     [](Programs &p, Programs &q) {
       resize(addLargeParameter(*p[0], Extent{0, 8192}).parts[0]->moments[1], 4096 * 4);
     },
     R"(rank0: rank 0: the moment of parameter 'large' has 16384 bytes; it must have 32768)"},

    {"PartOfNoElement",
     [](Programs &p, Programs &q) {
       addLargeParameter(*p[0], Extent{0, 4096}).parts[0]->elements = 0;
     },
     R"(rank0: rank 0: parameter 'large' has an empty part that is not all it has)"},

    {"PartOfNoElementBesideOthers",
     [](Programs &p, Programs &q) {
       fb::ParameterT &large = addLargeParameter(*p[0], Extent{0, 4096});
       large.parts[0]->replicas = {0};
       large.parts.push_back(std::make_unique<fb::PartT>());
       large.parts[1]->replicas = {1};
     },
     R"(rank0: rank 0: a part of parameter 'large' has no elements
rank 0: parameter 'large' has 0 moments and 2 names for them)"},

    {"PartThatReachesBeyondItsParameter",
     [](Programs &p, Programs &q) { addLargeParameter(*p[0], Extent{8192, 4096}); },
     R"(rank0: rank 0: a part of parameter 'large', 4096 elements from element 8192 on, reaches beyond its 10000 elements)"},

    {"PartWhoseEndOverflows",
     [](Programs &p, Programs &q) { addLargeParameter(*p[0], Extent{~uint64_t(4095), 4096}); },
     R"(rank0: rank 0: a part of parameter 'large', 4096 elements from element 18446744073709547520 on, reaches beyond its 10000 elements)"},

    {"PartOfAMasterThatReachesBeyondIt",
     [](Programs &p, Programs &q) { addLargeParameter(*p[0], Extent{8192, 4096}, Element::BF16); },
     R"(rank0: rank 0: a part of parameter 'large', 4096 elements from element 8192 on, reaches beyond its 10000 elements)"},

    {"PartThatBeginsInABlock",
     [](Programs &p, Programs &q) { addLargeParameter(*p[0], Extent{100, 8092}); },
     R"(rank0: rank 0: a part of parameter 'large' covers elements [100..8192) of 10000; it must begin and end at a multiple of 4096 or at the parameter's end)"},

    {"PartThatEndsInABlock",
     [](Programs &p, Programs &q) { addLargeParameter(*p[0], Extent{4096, 1000}); },
     R"(rank0: rank 0: a part of parameter 'large' covers elements [4096..5096) of 10000; it must begin and end at a multiple of 4096 or at the parameter's end)"},

    {"PartBesideMomentsOfTheWhole",
     [](Programs &p, Programs &q) {
       fb::ParameterT &large = addLargeParameter(*p[0], Extent{0, 4096});
       large.moments = large.parts[0]->moments;
     },
     R"(rank0: rank 0: parameter 'large' has parts, and beside them moments of the whole)"},

    {"PartOfAReplicaThatIsNotThere",
     [](Programs &p, Programs &q) {
       addLargeParameter(*p[0], Extent{0, 4096}).parts[0]->replicas = {2};
     },
     R"(rank0: rank 0: a part of parameter 'large' is of replica 2 of 2)"},

    {"PartOfReplicasInNoOrder",
     [](Programs &p, Programs &q) {
       addLargeParameter(*p[0], Extent{0, 4096}).parts[0]->replicas = {1, 0};
     },
     R"(rank0: rank 0: a part of parameter 'large' does not name its replicas in ascending order)"},

    {"TwoPartsOfOneReplica",
     [](Programs &p, Programs &q) {
       fb::ParameterT &large = addLargeParameter(*p[0], Extent{0, 4096});
       large.parts[0]->replicas = {0, 1};
       large.parts.push_back(std::make_unique<fb::PartT>(*large.parts[0]));
       large.parts[1]->replicas = {1};
     },
     R"(rank0: rank 0: parameter 'large' has two parts of replica 1)"},

    {"PartOfAllReplicasAndAnother",
     [](Programs &p, Programs &q) {
       fb::ParameterT &large = addLargeParameter(*p[0], Extent{0, 4096});
       large.parts.push_back(std::make_unique<fb::PartT>(*large.parts[0]));
       large.parts[1]->replicas = {0};
     },
     R"(rank0: rank 0: parameter 'large' has a part of all replicas, and others beside it)"},

    {"PartsOfOneReplicaThatOverlap",
     [](Programs &p, Programs &q) {
       fb::ParameterT &large = addLargeParameter(*p[0], Extent{0, 4096});
       large.parts[0]->replicas = {1};
       large.parts[0]->moments[1] = large.parts[0]->moments[0];
     },
     R"(rank0: rank 0: the moment of parameter 'large' on replica 1 and the moment of parameter 'large' on replica 1 overlap: 'large 10'[0..16384) and 'large 10'[0..16384))"},

    {"MastersOfSomePartsAlone",
     [](Programs &p, Programs &q) {
       fb::ParameterT &large = addLargeParameter(*p[0], Extent{0, 4096}, Element::BF16);
       large.parts[0]->replicas = {0};
       large.parts.push_back(std::make_unique<fb::PartT>(*large.parts[0]));
       large.parts[1]->replicas = {1};
       large.parts[1]->master = nullptr;
     },
     R"(rank0: rank 0: parameter 'large' has masters of some of its parts alone)"},

    {"PartOfWhatIsNotTrained",
     [](Programs &p, Programs &q) {
       addLargeParameter(*p[0], Extent{0, 4096}).trained = false;
     },
     R"(rank0: rank 0: parameter 'large' has parts, but is not trained)"},

    {"RecordEntryOnTheHeader",
     [](Programs &p, Programs &q) {
       p[0]->parameters[0]->record = own(arena(Record, 0));
     },
     R"(rank0: rank 0: the step record entry of parameter 'h.0.weight' and the header of the step record overlap: record[0..64) and record[0..64))"},

    {"ProductOfATypeNotComputed",
     [](Programs &p, Programs &q) {
       retype(p[0]->library[0]->operands[1], Element::F64);
     },
     R"(rank0: rank 0: library call 0, a matmul, takes rhs of type f64, which it does not compute
rank 0: block s0.forward: call #0 'matmul': argument 1 is of type f32; library call 0 takes f64)"},

    {"NarrowProductWithoutWorkspace",
     [](Programs &p, Programs &q) {
       for (fb::Buffer &operand : p[0]->library[0]->operands) {
         retype(operand, Element::BF16);
         resize(operand, 32);
       }
     },
     R"(rank0: rank 0: library call 0, a matmul, has 3 operands; it takes lhs, rhs, destination and workspace
rank 0: block s0.forward: call #0 'matmul': argument 0 has 64 bytes; library call 0 takes 32
rank 0: block s0.forward: call #0 'matmul': argument 0 is of type f32; library call 0 takes bf16
rank 0: block s0.forward: call #0 'matmul': argument 1 has 64 bytes; library call 0 takes 32
rank 0: block s0.forward: call #0 'matmul': argument 1 is of type f32; library call 0 takes bf16
rank 0: block s0.forward: call #0 'matmul': argument 2 has 64 bytes; library call 0 takes 32
rank 0: block s0.forward: call #0 'matmul': argument 2 is of type f32; library call 0 takes bf16)"},

    {"NarrowProductWithTooLittleWorkspace",
     [](Programs &p, Programs &q) {
       fb::LibraryCallT &call = *p[0]->library[0];
       retype(call.operands[0], Element::F16);
       resize(call.operands[0], 32);
       call.operands.push_back(fb::Buffer(32, uint8_t(Element::U8), fb::Access::Write));
     },
     R"(rank0: rank 0: library call 0, a matmul, has 32 bytes of workspace; it needs 64
rank 0: block s0.forward: call #0 'matmul': library call 0 takes 4 arguments, but is given 3)"},

    {"SymbolThatIsNoName",
     [](Programs &p, Programs &q) {
       p[0]->kernels[Add]->symbol = "system(\n";
     },
     R"(rank0: rank 0: kernel 0 has the symbol 'system(\x0a', which is not an identifier)"},

    {"MoreEventsThanCommands",
     [](Programs &p, Programs &q) { p[0]->events = 4000000000u; }, R"(rank0: rank 0: the program has 4000000000 events, but its commands can fire only 46)"},
};
// clang-format on

} // namespace dpcrt::test
