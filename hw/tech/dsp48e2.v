// SPDX-License-Identifier: Apache-2.0
// A behavioral model of the DSP48E2 primitive for simulation, written from the equations of UG579:
//
//   AD = (INMODE[2] ? D : 0) +/- (INMODE[1] ? 0 : INMODE[0] ? A1 : A2)     - where INMODE[3]
//   M  = (AMULTSEL == "AD" ? AD : A) * (INMODE[4] ? B1 : B2)
//   P  = Z + (W + X + Y + CARRYIN), or by ALUMODE Z - (..), -Z + (..) - 1, -(Z + ..) - 1
//
// Modeled: every pipeline register with its enable and its synchronous reset, the A and B
// cascades, the pre-adder, X = 0, M, P, A:B; Y = 0, M, C; Z = 0, PCIN, P, C, PCIN >> 17, P >> 17;
// W = 0, P, RND, C;
// four adding and subtracting ALUMODEs; CARRYINSEL = 0.
// Not modeled: SIMD, logic functions, pattern detection, carry cascades, a transparent P. An
// attribute or a control word that asks for them is reported, P becomes unknown, and the
// simulation stops.
// The file, the ports and the attributes are called as the primitive's, whether they are modeled
// or not; strings are compared at unequal lengths; registers begin at 0 as in the device.
// Several packages may bring this file into one design: it counts once. For synthesis it is empty.
`ifndef SYNTHESIS
`ifndef GEMMULE_DSP48E2
`define GEMMULE_DSP48E2
/* verilator lint_off DECLFILENAME */
/* verilator lint_off UNUSEDPARAM */
/* verilator lint_off UNUSEDSIGNAL */
/* verilator lint_off WIDTHEXPAND */
/* verilator lint_off PROCASSINIT */
module DSP48E2 #(
    parameter integer ACASCREG = 1,
    parameter integer ADREG = 1,
    parameter integer ALUMODEREG = 1,
    parameter AMULTSEL = "A",
    parameter integer AREG = 1,
    parameter AUTORESET_PATDET = "NO_RESET",
    parameter AUTORESET_PRIORITY = "RESET",
    parameter A_INPUT = "DIRECT",
    parameter integer BCASCREG = 1,
    parameter BMULTSEL = "B",
    parameter integer BREG = 1,
    parameter B_INPUT = "DIRECT",
    parameter integer CARRYINREG = 1,
    parameter integer CARRYINSELREG = 1,
    parameter integer CREG = 1,
    parameter integer DREG = 1,
    parameter integer INMODEREG = 1,
    parameter integer MREG = 1,
    parameter integer OPMODEREG = 1,
    parameter PREADDINSEL = "A",
    parameter integer PREG = 1,
    parameter [47:0] RND = 48'h000000000000,
    parameter SEL_MASK = "MASK",
    parameter SEL_PATTERN = "PATTERN",
    parameter USE_MULT = "MULTIPLY",
    parameter USE_PATTERN_DETECT = "NO_PATDET",
    parameter USE_SIMD = "ONE48",
    parameter USE_WIDEXOR = "FALSE",
    parameter XORSIMD = "XOR24_48_96",
    parameter [47:0] MASK = 48'h3FFFFFFFFFFF,
    parameter [47:0] PATTERN = 48'h000000000000,
    parameter [3:0] IS_ALUMODE_INVERTED = 4'b0,
    parameter [0:0] IS_CARRYIN_INVERTED = 1'b0,
    parameter [0:0] IS_CLK_INVERTED = 1'b0,
    parameter [4:0] IS_INMODE_INVERTED = 5'b0,
    parameter [8:0] IS_OPMODE_INVERTED = 9'b0,
    parameter [0:0] IS_RSTALLCARRYIN_INVERTED = 1'b0,
    parameter [0:0] IS_RSTALUMODE_INVERTED = 1'b0,
    parameter [0:0] IS_RSTA_INVERTED = 1'b0,
    parameter [0:0] IS_RSTB_INVERTED = 1'b0,
    parameter [0:0] IS_RSTCTRL_INVERTED = 1'b0,
    parameter [0:0] IS_RSTC_INVERTED = 1'b0,
    parameter [0:0] IS_RSTD_INVERTED = 1'b0,
    parameter [0:0] IS_RSTINMODE_INVERTED = 1'b0,
    parameter [0:0] IS_RSTM_INVERTED = 1'b0,
    parameter [0:0] IS_RSTP_INVERTED = 1'b0
) (
    output [29:0] ACOUT,
    output [17:0] BCOUT,
    output        CARRYCASCOUT,
    output [3:0]  CARRYOUT,
    output        MULTSIGNOUT,
    output        OVERFLOW,
    output [47:0] P,
    output        PATTERNBDETECT,
    output        PATTERNDETECT,
    output [47:0] PCOUT,
    output        UNDERFLOW,
    output [7:0]  XOROUT,
    input  [29:0] A,
    input  [29:0] ACIN,
    input  [3:0]  ALUMODE,
    input  [17:0] B,
    input  [17:0] BCIN,
    input  [47:0] C,
    input         CARRYCASCIN,
    input         CARRYIN,
    input  [2:0]  CARRYINSEL,
    input         CEA1,
    input         CEA2,
    input         CEAD,
    input         CEALUMODE,
    input         CEB1,
    input         CEB2,
    input         CEC,
    input         CECARRYIN,
    input         CECTRL,
    input         CED,
    input         CEINMODE,
    input         CEM,
    input         CEP,
    input         CLK,
    input  [26:0] D,
    input  [4:0]  INMODE,
    input         MULTSIGNIN,
    input  [8:0]  OPMODE,
    input  [47:0] PCIN,
    input         RSTA,
    input         RSTALLCARRYIN,
    input         RSTALUMODE,
    input         RSTB,
    input         RSTC,
    input         RSTCTRL,
    input         RSTD,
    input         RSTINMODE,
    input         RSTM,
    input         RSTP
);
    wire attributes_modeled =
        PREG == 1 && USE_SIMD == "ONE48" && USE_PATTERN_DETECT == "NO_PATDET"
        && AUTORESET_PATDET == "NO_RESET"
        && USE_WIDEXOR == "FALSE" && BMULTSEL == "B" && PREADDINSEL == "A"
        && IS_ALUMODE_INVERTED == 0 && IS_CARRYIN_INVERTED == 0 && IS_CLK_INVERTED == 0
        && IS_INMODE_INVERTED == 0 && IS_OPMODE_INVERTED == 0
        && IS_RSTALLCARRYIN_INVERTED == 0 && IS_RSTALUMODE_INVERTED == 0 && IS_RSTA_INVERTED == 0
        && IS_RSTB_INVERTED == 0 && IS_RSTCTRL_INVERTED == 0 && IS_RSTC_INVERTED == 0
        && IS_RSTD_INVERTED == 0 && IS_RSTINMODE_INVERTED == 0 && IS_RSTM_INVERTED == 0
        && IS_RSTP_INVERTED == 0;

    // The registers in front of the arithmetic; one that an attribute leaves out is a wire.
    wire signed [29:0] a_in = A_INPUT == "CASCADE" ? ACIN : A;
    wire signed [17:0] b_in = B_INPUT == "CASCADE" ? BCIN : B;
    reg signed [29:0] a1_q = 0, a2_q = 0;
    reg signed [17:0] b1_q = 0, b2_q = 0;
    reg signed [47:0] c_q = 0;
    reg signed [26:0] d_q = 0, ad_q = 0;
    reg [4:0] inmode_q = 0;
    reg [8:0] opmode_q = 0;
    reg [3:0] alumode_q = 0;
    reg [2:0] carryinsel_q = 0;
    reg carryin_q = 0;
    wire signed [29:0] a1 = AREG == 2 ? a1_q : a_in;
    wire signed [29:0] a2 = AREG == 0 ? a_in : a2_q;
    wire signed [17:0] b1 = BREG == 2 ? b1_q : b_in;
    wire signed [17:0] b2 = BREG == 0 ? b_in : b2_q;
    wire signed [47:0] c = CREG == 1 ? c_q : C;
    wire signed [26:0] d = DREG == 1 ? d_q : D;
    wire [4:0] inmode = INMODEREG == 1 ? inmode_q : INMODE;
    wire [8:0] opmode = OPMODEREG == 1 ? opmode_q : OPMODE;
    wire [3:0] alumode = ALUMODEREG == 1 ? alumode_q : ALUMODE;
    wire [2:0] carryinsel = CARRYINSELREG == 1 ? carryinsel_q : CARRYINSEL;
    wire carryin = CARRYINREG == 1 ? carryin_q : CARRYIN;

    assign ACOUT = ACASCREG == 1 && AREG == 2 ? a1 : a2;
    assign BCOUT = BCASCREG == 1 && BREG == 2 ? b1 : b2;

    // Pre-adder and multiplier.
    wire signed [29:0] a_chosen = inmode[0] ? a1 : a2;
    wire signed [26:0] a_gated = inmode[1] ? 27'sd0 : a_chosen[26:0];
    wire signed [26:0] d_gated = inmode[2] ? d : 27'sd0;
    wire signed [26:0] ad_next = inmode[3] ? d_gated - a_gated : d_gated + a_gated;
    wire signed [26:0] ad = ADREG == 1 ? ad_q : ad_next;
    wire signed [26:0] multiplicand = AMULTSEL == "AD" ? ad : a_gated;
    wire signed [17:0] multiplier = inmode[4] ? b1 : b2;
    wire signed [44:0] m_next = multiplicand * multiplier;
    reg signed [44:0] m_q = 0;
    wire signed [44:0] product = MREG == 1 ? m_q : m_next;
    wire [47:0] m = {{3{product[44]}}, product};

    // The adder and its multiplexers.
    reg [47:0] p_q = 0;
    reg [47:0] w, x, y, z, sum;
    assign P = p_q;
    assign PCOUT = p_q;
    always @* begin
        case (opmode[1:0])
            2'b01: x = m;
            2'b10: x = p_q;
            2'b11: x = {a2, b2};
            default: x = 48'd0;
        endcase
        // Where X = M, the second partial product of M is on Y: the model adds both on X.
        y = opmode[3:2] == 2'b11 ? c : 48'd0;
        case (opmode[6:4])
            3'b001: z = PCIN;
            3'b010: z = p_q;
            3'b011: z = c;
            3'b101: z = {{17{PCIN[47]}}, PCIN[47:17]};
            3'b110: z = {{17{p_q[47]}}, p_q[47:17]};
            default: z = 48'd0;
        endcase
        case (opmode[8:7])
            2'b01: w = p_q;
            2'b10: w = RND;
            2'b11: w = c;
            default: w = 48'd0;
        endcase
        sum = w + x + y + {47'd0, carryin};
        case (alumode)
            4'b0011: sum = z - sum;
            4'b0001: sum = sum + ~z;
            4'b0010: sum = ~(z + sum);
            default: sum = z + sum;
        endcase
    end

    wire control_modeled =
        (opmode[1:0] == 2'b01) == (opmode[3:2] == 2'b01) && opmode[3:2] != 2'b10
        && opmode[6:4] != 3'b100 && opmode[6:4] != 3'b111
        && (alumode == 4'b0000 || alumode == 4'b0001 || alumode == 4'b0010 || alumode == 4'b0011)
        && carryinsel == 3'b000 && !(USE_MULT == "NONE" && opmode[1:0] == 2'b01)
        && !(inmode[0] && AREG == 1) && !(inmode[4] && BREG == 1);

    assign CARRYCASCOUT = 1'bx;
    assign CARRYOUT = 4'bx;
    assign MULTSIGNOUT = 1'bx;
    assign OVERFLOW = 1'bx;
    assign PATTERNBDETECT = 1'bx;
    assign PATTERNDETECT = 1'bx;
    assign UNDERFLOW = 1'bx;
    assign XOROUT = 8'bx;

    always @(posedge CLK) begin
        if (RSTA) {a1_q, a2_q} <= 0;
        else begin
            if (CEA1) a1_q <= a_in;
            if (CEA2) a2_q <= AREG == 2 ? a1_q : a_in;
        end
        if (RSTB) {b1_q, b2_q} <= 0;
        else begin
            if (CEB1) b1_q <= b_in;
            if (CEB2) b2_q <= BREG == 2 ? b1_q : b_in;
        end
        if (RSTC) c_q <= 0; else if (CEC) c_q <= C;
        if (RSTD) d_q <= 0; else if (CED) d_q <= D;
        if (RSTD) ad_q <= 0; else if (CEAD) ad_q <= ad_next;
        if (RSTINMODE) inmode_q <= 0; else if (CEINMODE) inmode_q <= INMODE;
        if (RSTCTRL) opmode_q <= 0; else if (CECTRL) opmode_q <= OPMODE;
        if (RSTCTRL) carryinsel_q <= 0; else if (CECTRL) carryinsel_q <= CARRYINSEL;
        if (RSTALUMODE) alumode_q <= 0; else if (CEALUMODE) alumode_q <= ALUMODE;
        if (RSTALLCARRYIN) carryin_q <= 0; else if (CECARRYIN) carryin_q <= CARRYIN;
        if (RSTM) m_q <= 0; else if (CEM) m_q <= m_next;
        if (RSTP) p_q <= 0;
        else if (CEP) begin
            p_q <= sum;
            if (!attributes_modeled || !control_modeled) begin
                p_q <= 48'bx;
                $display("%m: DSP48E2 is not modeled for OPMODE %b ALUMODE %b INMODE %b CARRYINSEL %b",
                         opmode, alumode, inmode, carryinsel);
                if (!attributes_modeled) $display("%m: an attribute asks for what is not modeled");
                $stop;
            end
        end
    end
endmodule
/* verilator lint_on DECLFILENAME */
/* verilator lint_on UNUSEDPARAM */
/* verilator lint_on UNUSEDSIGNAL */
/* verilator lint_on WIDTHEXPAND */
/* verilator lint_on PROCASSINIT */
`endif
`endif
