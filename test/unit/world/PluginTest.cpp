// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A plug-in of one kind is none of another. (test_plugins.py has what is common to all kinds.)
#include "devices/DevicePlugin.h"
#include "world/EnginePlugin.h"
#include <gtest/gtest.h>

using namespace dpcrt;

TEST(Plugin, OfADeviceIsNoneOfAnEngine) {
  const DeviceKind *device = nullptr;
  Status s = openDevicePlugin("libdpcrt-cpu.so", "oneDNN", device);
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_STREQ(device->name, "cpu");
  const EngineKind *engine = nullptr;
  s = openEnginePlugin("libdpcrt-cpu.so", "oneDNN", engine);
  EXPECT_EQ(s.code(), Code::Device);
  EXPECT_NE(s.message().find("is no plug-in of an engine: it has no function dpcrt_engine_plugin"),
            std::string::npos)
      << s.message();
  EXPECT_EQ(engine, nullptr);
}
